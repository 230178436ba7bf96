/** Lets this origin's own scripts become workers under `require-trusted-types-for 'script'`, and nothing else. */

/** Call before the first worker is made, in every realm that makes one. Harmless where Trusted Types do not exist. */
export function allowOwnScripts(): void {
  const factory = trustedTypesOf(globalThis);
  if (factory === undefined || factory.defaultPolicy) return;
  factory.createPolicy("default", {
    createScriptURL: (address) => {
      const url = new URL(address, location.href);
      if (url.origin === location.origin && url.protocol !== "blob:") return url.href;
      throw new TypeError("Only scripts of this origin may run.");
    },
  });
}

interface TrustedTypes {
  readonly defaultPolicy: unknown;
  createPolicy(
    name: string,
    rules: { readonly createScriptURL: (address: string) => string },
  ): unknown;
}

function trustedTypesOf(scope: object): TrustedTypes | undefined {
  return hasTrustedTypes(scope) ? scope.trustedTypes : undefined;
}

function hasTrustedTypes(scope: object): scope is { readonly trustedTypes: TrustedTypes } {
  return "trustedTypes" in scope;
}
