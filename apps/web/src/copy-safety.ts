/** What a person reads where others are kept out: revoking, new words, the recovery kit. Part of `copy`. */

export const safetyCopy = {
  revoke: {
    title: (name: string) => `Revoke ${name}?`,
    titleThis: "Sign out this device?",
    does: "It is signed out for good: the others refuse what it commits from now on, its branches stay as they are known here, and a new key keeps it from reading what comes.",
    cannot:
      "It keeps what it already has. Nothing can be made unread, and it never comes back as the same device.",
    andApproved: (names: ReadonlyArray<string>) =>
      `Also revoke everything it approved: ${names.join(", ")}`,
    stolen: "Somebody else may have used it",
    since: "From when",
    sinceText: (when: string) =>
      `What it did to the account after this does not count, and nobody takes its commits from then: ${when}. What counts is when this device first saw each thing: a thief's clock says what the thief likes. Change your passphrase too.`,
    merged:
      "What is merged into your branches already stays; each repository's Undo takes it back.",
    rightNow: "from now on",
    leftOut: "Will not count",
    nothingLeftOut: "This device saw nothing of it after that.",
    deeds: {
      "let-in": (name: string) => `It let “${name}” in`,
      removed: (name: string) => `It removed “${name}”`,
      "new-words": () => "It changed the passphrase",
    },
    dated: (says: string, seen: string) => `on ${says} by its own word, first seen here ${seen}`,
    wordsNeeded:
      "Needed, because this device did not authorise it. Four letters of each are enough.",
    wordsHelp:
      "Not needed here, but with it the revocation stands above anything the device says itself.",
    submit: "Revoke",
    submitThis: "Sign out",
    button: "Revoke…",
    buttonThis: "Sign out…",
    list: "Revoked",
    by: (by: string, at: string) =>
      by === "" ? `With the recovery kit, ${at}` : `By ${by}, ${at}`,
  },
  proofs: {
    title: "Forks",
    text: "A device signed two different things in one place, as a copied or restored profile does. The proof shows that to anybody, without your log or your repositories.",
    entry: (number: number) => `In the account's log, place ${number}`,
    record: (repository: string | undefined, number: number) =>
      `In ${repository === undefined ? "a repository" : `“${repository}”`}, record ${number}`,
    save: "Save the proof",
    missing: "The proof is not on this device; the one that noticed it has it.",
  },
  standstill: {
    title: "This device runs in two places",
    text: "A copy of this browser profile is connected to your account, with the same keys. Both have stopped signing until you choose. Nothing was lost, and what you write is kept as a draft.",
    goOn: "Go on here",
    goOnText:
      "On one of the two only: if both go on, your other devices take nothing more from either, for good.",
    leave: "Sign in here as a new device",
    leaveText:
      "Asks for your passphrase; a device that may write lets it in. What is here stays. The other copy has the old keys until they are revoked.",
    stranger: "I know of no copy",
    strangerText:
      "Then somebody else has this device's keys. Sign in here as a new device, let it in on another one, and revoke this one there. If there is no other: go on here, let a new device in, and revoke this one from there.",
  },
  passphrase: {
    title: "Change the passphrase",
    text: "You get twelve new words. All your devices stay signed in; the old words open nothing any more.",
    old: "The words that are in force",
    begin: "Make new words",
    fresh: "Write these down. They count as soon as you have typed three of them back.",
    keep: "Keep the old words",
    ended: "The change is over. If you typed the new words back, they are in force now.",
    link: "Change the passphrase",
  },
  kit: {
    title: "Recovery kit",
    text: "A file that brings your account back when every device is lost and nobody is left to ask. It stands above every device and above the passphrase: keep it away from both.",
    limits:
      "It brings back the account, not your repositories: those are where copies of them are. It is shown once, on the device that began the account, and once more on a device that a kit let in: a file from before that does not know that device and would not sign it out, so throw the old file away when you have the new one. The words stay the same.",
    open: "Open the kit",
    former: (at: string) => `This kit opens with the words from before ${at}`,
    formerText:
      "The passphrase was changed on another device then, and only here is the kit. Type the words from before: from then on the new ones open it. Nobody can open it without them. A kit that you wrote down works as before, whatever the words are.",
    formerLabel: "Words from before",
    fileTitle: "1. Save the file",
    fileText:
      "On a stick or a disk that is not in one of your devices. Whoever has it has the account.",
    save: "Save the file",
    sheetTitle: "2. Print the sheet",
    sheetText:
      "The words are inside the file too. They show which kit it is, and on a device that may only read they let it write when no other is left. Keep the sheet with the file.",
    printed: (mark: string, at: string) =>
      `Skein recovery kit for account ${mark}, made ${at}. It belongs to a file: skein-${mark}.kit. Whoever has the file has the account. To use it, open Skein on any device, choose “Sign in on this device”, then “No device is left: use a recovery kit”. These are not the words of the passphrase.`,
    next: "I have both",
    leave: "Not now",
    verify:
      "Choose the file you saved. After that this device forgets the kit, and your copy is the only one.",
    file: "Recovery kit file",
    again: "Show the kit again",
    written: "You have a recovery kit",
    writtenText: "It cannot be shown again. Keep it where you keep a passport.",
    elsewhere: "The kit is not on this device",
    elsewhereText:
      "It is made on the device that began the account, or on one that a kit let in, and nowhere else: if other devices had it, the passphrase alone would open everything. If that device is lost and the kit was not written down, this account has none.",
    link: "Recovery kit",
    useText:
      "If none of your devices that may write is left, the words of the recovery kit let this one write. You do not need the file for that.",
    useLabel: "Words of the recovery kit",
    useHint: "The twelve words of the sheet, not your passphrase. Four letters of each are enough.",
    useSubmit: "Let this device write",
  },
  kitSignIn: {
    title: "Use a recovery kit",
    text: "Choose the file; if you have several, the one that was saved last. You are asked what becomes of your passphrase and your other devices before anything is changed.",
    read: "Read the kit",
    noFile: "I have the sheet of words only",
    noFileText:
      "The words show that the account is yours, but they do not say which one it is: that is in the file. Sign in with your passphrase on this device if one of your devices still answers, then open Devices, Recovery kit and type the words there. Without the file and without any device the account cannot be brought back.",
    chooseTitle: "Bring the account back",
    made: (at: string) => `kit made ${at}`,
    words: "The passphrase",
    newWords: "Make a new one. All devices that the kit knows are signed out.",
    sameWords: "Keep it: I know it, and nobody else does. Devices may stay.",
    stay: "Which devices are still in your hands?",
    warning:
      "All devices that the kit knows are signed out, and the passphrase of that time opens nothing any more. A device that came after this file was saved is not known to it: sign it out under Devices when it appears. If one of your devices still works, sign in with your passphrase instead.",
    warningKept:
      "Devices that you do not tick are signed out for good. They keep what they have and get nothing new.",
    submit: "Bring the account back",
  },
  calls: {
    section: "Requests",
    title: "Authorise a new node?",
    body: "Open Skein to check the number.",
    ask: "Call me",
    default:
      "A device that asks to be authorised shows in every tab of Skein. The browser can also call you when you are looking at something else.",
    granted:
      "The browser calls you when a device asks to be authorised, as long as a tab with Skein is open.",
    denied:
      "You told the browser not to show notifications of this page. A device that asks to be authorised shows in every tab of Skein.",
  },
  lock: {
    section: "Lock",
    title: "This device is locked",
    locked:
      "Its keys are on the disk only, and nothing is sent or received. What you committed is kept, and so is what you were writing.",
    byPasskey: "Open with the passkey",
    byWords: "Open with the passphrase",
    open: "Open",
    declined: "The passkey was not used. Try again, or type your passphrase.",
    neither: "Neither works",
    neitherText:
      "If the passphrase was changed on another device while this one was locked, the old words open it. With the new ones you can sign in again: this device then counts as a new one.",
    anew: "Sign in again",
    elsewhere: "Open it in the tab that was opened first. Go on there.",
    setElsewhere: "A lock is set in the tab that was opened first. Go on there.",
    wrapped:
      "The keys of this device are wrapped by a key that this browser can use and nobody can read. Repositories are stored as they are.",
    plain:
      "The keys of this device lie open in this browser's storage, because this page was not served securely (https) or the window is a private one. A lock hides them.",
    set: "Set a lock",
    setText:
      "Skein then asks whenever it starts, when you lock it, and after a while without you. Who takes this device cannot use its keys; repositories on it can still be read from the disk.",
    setHint: "Typed once, to be sure that you can open it. Four letters of each are enough.",
    setPasskey: "Lock with a passkey",
    setWords: "Lock with the passphrase only",
    noPasskeys: "This browser has no passkeys that could do this.",
    notMade:
      "No passkey was made, or this one cannot lock anything. Lock with the passphrase only, or try another passkey.",
    passkeyName: (device: string) => `Skein on ${device}`,
    onPasskey: "Locked with a passkey. The passphrase opens it too.",
    onWords: "Locked with the passphrase.",
    now: "Lock now",
    remove: "Remove the lock",
    patience: "Lock by itself",
    patienceHint: "It waits while something you began is under way, such as an import.",
    patienceOf: (minutes: number) =>
      minutes === 0
        ? "Never"
        : minutes < 60
          ? `After ${minutes === 1 ? "a minute" : `${minutes} minutes`} without you`
          : `After ${minutes === 60 ? "an hour" : `${minutes / 60} hours`} without you`,
  },
} as const;
