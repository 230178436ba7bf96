/** What a person reads where others are kept out: revoking, new words, the recovery kit. Part of `copy`. */

export const safetyCopy = {
  revoke: {
    title: (name: string) => `Revoke ${name}?`,
    titleThis: "Sign out this device?",
    does: "It is signed out for good: the others refuse what it commits from now on, and a new key keeps it from reading what comes.",
    cannot:
      "It keeps what it already has. Nothing can be made unread, and it never comes back as the same device.",
    andApproved: (names: ReadonlyArray<string>) =>
      `Also revoke everything it approved: ${names.join(", ")}`,
    stolen: "Somebody else may have used it",
    since: "From when",
    sinceText: (when: string) =>
      `Devices it let in or removed after this are not vouched for: ${when}. Change your passphrase too.`,
    rightNow: "from now on",
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
      "It brings back the account, not your repositories: those are where copies of them are. It is shown once, on the device that began the account.",
    open: "Open the kit",
    fileTitle: "1. Save the file",
    fileText:
      "On a stick or a disk that is not in one of your devices. Whoever has it has the account.",
    save: "Save the file",
    sheetTitle: "2. Print the sheet",
    sheetText: (mark: string) =>
      `Skein recovery kit for account ${mark}. These words are inside the file; they show which kit it is. Keep the sheet with it.`,
    next: "I have both",
    leave: "Not now",
    verify:
      "Choose the file you saved. After that this device forgets the kit, and your copy is the only one.",
    file: "Recovery kit file",
    again: "Show the kit again",
    written: "You have a recovery kit",
    writtenText: "It cannot be shown again. Keep it where you keep a passport.",
    elsewhere: "The kit is not on this device",
    elsewhereText: "It can be made on the device that began the account, if that was not done yet.",
    link: "Recovery kit",
  },
  kitSignIn: {
    title: "Use a recovery kit",
    text: "The file brings your account back on this device, with a new passphrase.",
    warning:
      "All former devices of the account are signed out. If one still works, sign in with your passphrase instead.",
    submit: "Bring the account back",
  },
} as const;
