/** The address of a relay as a person types it, made whole: `relay.example.org` is `wss://relay.example.org/relay`. */

import { relayUrlBytesMax } from "@skein/protocol/limits";

/** `undefined` where it is no address of a relay. Names and passwords do not belong in one. */
export function parseRelayAddress(typed: string): string | undefined {
  const read = addressForm.exec(typed.trim())?.groups;
  if (read === undefined) return undefined;
  const { scheme, host = "", port = "", path = "/" } = read;
  if (Number(port.slice(1)) > portMax) return undefined;
  const origin = `${schemeOf(scheme, host.toLowerCase())}://${host.toLowerCase()}${port}`;
  const whole = origin + (path === "/" ? "/relay" : path);
  return whole.length > relayUrlBytesMax ? undefined : whole;
}

function schemeOf(written: string | undefined, host: string): "ws" | "wss" {
  if (written === undefined) return isThisMachine.test(host) ? "ws" : "wss";
  return /^(?:ws|http):$/iu.test(written) ? "ws" : "wss";
}

const addressForm =
  /^(?:(?<scheme>(?:wss?|https?):)\/\/)?(?<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?<port>:[0-9]{1,5})?(?<path>\/[\w\-./~%]*)?$/iu;
/** Browsers let a page speak in the clear with these only. */
const isThisMachine = /^(?:localhost|127\.[0-9.]+|\[::1\])$/u;
const portMax = 65_535;
