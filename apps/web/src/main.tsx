/** The page: opens the door to the peer and draws what is seen through it. */

import { render } from "preact";
import { App } from "./app.tsx";
import { startPeerWorker } from "./door/own-worker.ts";
import { browserDoor } from "./door/tab.ts";
import { startClock } from "./parts/door-context.ts";
import { DraftKeeper, guardUnload } from "./screens/repository/draft-keeping.ts";
import { allowOwnScripts } from "./trusted-types.ts";
import { watchUpdates } from "./updates.ts";

allowOwnScripts();
startClock();
const door = browserDoor(startPeerWorker);
guardUnload(new DraftKeeper(door));
const tryNow = (): void => void door.ask("try-now", {});
addEventListener("online", tryNow);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") tryNow();
});
const place = document.querySelector("#app");
if (place !== null) render(<App door={door} updates={watchUpdates()} />, place);
