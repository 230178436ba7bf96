/** Which addresses belong to the open internet, and which only to whoever is on this machine or its networks. */

import { BlockList, isIP } from "node:net";

/** Not for loopback, private, link-local, shared, documentation, multicast or reserved addresses, nor for IPv4 in IPv6 clothes. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !notPublic4.check(address, "ipv4");
    case 6:
      return global6.check(address, "ipv6") && !notPublic6.check(address, "ipv6");
    default:
      return false;
  }
}

/** RFC 6890 and its registry. */
const notPublic4 = listOf("ipv4", [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
]);
/** All that is given out at all. */
const global6 = listOf("ipv6", ["2000::/3"]);
/** Of that: Teredo and other protocols, documentation, and 6to4, which leads to any IPv4 address. */
const notPublic6 = listOf("ipv6", ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"]);

function listOf(family: "ipv4" | "ipv6", nets: ReadonlyArray<string>): BlockList {
  const list = new BlockList();
  for (const net of nets) {
    const [address = "", bits] = net.split("/");
    list.addSubnet(address, Number(bits), family);
  }
  return list;
}
