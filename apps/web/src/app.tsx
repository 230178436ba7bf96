/** Chooses the screen: by the account first, by the address after that. */

import type { JSX } from "preact";
import { LocationProvider, Route, Router } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { AccountView } from "@skein/peer/views";
import { copy } from "./copy.ts";
import type { Door } from "./door/tab.ts";
import { DoorContext, useDoor } from "./parts/door-context.ts";
import { Frame } from "./parts/frame.tsx";
import { Empty } from "./parts/pieces.tsx";
import { Devices } from "./screens/devices.tsx";
import { Opening, Unlocking, Welcome } from "./screens/gate.tsx";
import { KitNodes } from "./screens/kit-nodes.tsx";
import { KitSignIn } from "./screens/kit-sign-in.tsx";
import { Locked } from "./screens/locked.tsx";
import { Network } from "./screens/network.tsx";
import { ChangePassphrase } from "./screens/passphrase.tsx";
import { RecoveryKit } from "./screens/recovery-kit.tsx";
import { Repositories } from "./screens/repositories.tsx";
import { RepositoryPage } from "./screens/repository/page.tsx";
import { SignIn, SigningIn } from "./screens/sign-in.tsx";
import { Stopped } from "./screens/stopped.tsx";
import { Words } from "./screens/words.tsx";
import type { Updates } from "./updates.ts";

export function App({
  door,
  updates,
}: {
  readonly door: Door;
  readonly updates: Updates;
}): JSX.Element {
  return (
    <DoorContext.Provider value={door}>
      <LocationProvider>
        <Screen updates={updates} />
      </LocationProvider>
    </DoorContext.Provider>
  );
}

function Screen({ updates }: { readonly updates: Updates }): JSX.Element | null {
  const account = useDoor().views.account.value;
  switch (account.phase) {
    case "opening":
      return <Opening />;
    case "none":
      return <NoAccount />;
    case "words-shown":
      return (
        <Words words={account.words} ask={account.ask} recover={account.purpose === "recover"} />
      );
    case "unlocking":
      return <Unlocking share={account.share} />;
    case "signing-in":
      return <SigningIn account={account} />;
    case "open":
      return <OpenAccount account={account} updates={updates} />;
    case "locked":
      return <Locked account={account} />;
    case "kit-opened":
      return <KitNodes account={account} />;
    case "stopped":
      return <Stopped account={account} />;
  }
}

function NoAccount(): JSX.Element {
  const [at, setAt] = useState<"welcome" | "words" | "kit">("welcome");
  switch (at) {
    case "welcome":
      return <Welcome onSignIn={() => setAt("words")} />;
    case "words":
      return <SignIn onBack={() => setAt("welcome")} onKit={() => setAt("kit")} />;
    case "kit":
      return <KitSignIn onBack={() => setAt("words")} />;
  }
}

function OpenAccount({
  account,
  updates,
}: {
  readonly account: AccountView & { readonly phase: "open" };
  readonly updates: Updates;
}): JSX.Element {
  return (
    <Frame account={account} updates={updates}>
      <Router>
        <Route path="/" component={Repositories} />
        <Route path="/r/:id" component={RepositoryPage} />
        <Route path="/network" component={Network} />
        <Route path="/devices" component={Devices} account={account} />
        <Route path="/recovery-kit" component={RecoveryKit} account={account} />
        <Route path="/passphrase" component={ChangePassphrase} account={account} />
        <Route default component={NotFound} />
      </Router>
    </Frame>
  );
}

function NotFound(): JSX.Element {
  return (
    <Empty alone icon="info" title={copy.notFound}>
      <p>
        <a href="/">{copy.repository.all}</a>
      </p>
    </Empty>
  );
}
