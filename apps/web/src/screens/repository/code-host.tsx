/** Mounts the editor, which comes as code of its own when the first file is opened. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { CodeView } from "../../editor/code-view.ts";
import { Skeleton } from "../../parts/pieces.tsx";

export function CodeHost({
  text,
  path,
  label,
  onChange,
}: {
  readonly text: string;
  readonly path: string;
  readonly label: string;
  readonly onChange?: ((text: string) => void) | undefined;
}): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<CodeView>(undefined);
  const latest = useRef({ text, onChange, typed: "" });
  latest.current = { ...latest.current, text, onChange };
  // What was typed comes back as `text` a moment later, when more may have been typed: it must not be put back.
  const underWay = useRef(new Set<string>());
  const [ready, setReady] = useState(false);
  const editable = onChange !== undefined;
  useEffect(() => {
    let wanted = true;
    const tell = (typed: string): void => {
      underWay.current.add(typed);
      latest.current.typed = typed;
      latest.current.onChange?.(typed);
    };
    const mount = async (): Promise<void> => {
      const { openCodeView } = await import("../../editor/code-view.ts");
      if (!wanted || host.current === null) return;
      view.current = openCodeView(host.current, {
        text: latest.current.text,
        path,
        label,
        onChange: editable ? tell : undefined,
      });
      setReady(true);
    };
    void mount();
    return () => {
      wanted = false;
      view.current?.[Symbol.dispose]();
      view.current = undefined;
    };
  }, [path, label, editable]);
  useEffect(() => {
    const mine = underWay.current.has(text);
    if (!mine || text === latest.current.typed) underWay.current.clear();
    if (!mine) view.current?.replace(text);
  }, [text]);
  return (
    <>
      {!ready && <Skeleton lines={9} />}
      <div ref={host} class="code-host" hidden={!ready} />
    </>
  );
}
