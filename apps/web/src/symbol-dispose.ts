/** Gives `Symbol.dispose` to browsers that do not know it yet. Runs before every other module. */

if (Reflect.get(Symbol, "dispose") === undefined)
  Reflect.set(Symbol, "dispose", Symbol.for("Symbol.dispose"));
