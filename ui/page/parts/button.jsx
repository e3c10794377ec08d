/** Buttons: with an icon, that copy, and several of which one is chosen. */
import { useEffect, useState } from "preact/hooks";
import { copy } from "../browser/clipboard.js";
import { Icon } from "./icon.jsx";

export function IconButton({ icon, label, onClick, isPressed, ...more }) {
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={label}
      title={label}
      aria-pressed={isPressed}
      onClick={onClick}
      {...more}
    >
      <Icon name={icon} />
    </button>
  );
}

export function CopyButton({ text, label = "Copy", shown }) {
  const [state, setState] = useState("");
  useEffect(() => {
    if (state === "") return undefined;
    const timer = setTimeout(() => setState(""), 1600);
    return () => clearTimeout(timer);
  }, [state]);
  const act = async () => {
    const wanted = typeof text === "function" ? await text() : text;
    await copy(wanted).then(
      () => setState("Copied"),
      () => setState("The browser refused"),
    );
  };
  return (
    <button
      type="button"
      class={shown ? "button" : "icon-button"}
      aria-label={shown ? undefined : label}
      title={label}
      onClick={act}
    >
      <Icon name={state === "Copied" ? "check" : "copy"} />
      {shown && <span>{state || shown}</span>}
      <span class="unseen" role="status">
        {state}
      </span>
    </button>
  );
}

/** Several choices side by side. */
export function Choice({ label, options, value, onChange }) {
  return (
    <div class="choice" role="group" aria-label={label}>
      {options.map(([key, text, icon]) => (
        <button type="button" key={key} aria-pressed={key === value} onClick={() => onChange(key)}>
          {icon && <Icon name={icon} size={16} />}
          {text && <span>{text}</span>}
        </button>
      ))}
    </div>
  );
}

/** A command for the terminal, to be copied. */
export function Command({ text }) {
  return (
    <span class="command">
      <code>{text}</code>
      <CopyButton text={text} label={`Copy ${text}`} />
    </span>
  );
}
