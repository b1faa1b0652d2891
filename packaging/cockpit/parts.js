// The parts that views are made of: labels, buttons, commands to copy, alerts, dialogs.

import { ownership_text } from "./describe.js";
import { el, fill, icon } from "./dom.js";
import { _, visible } from "./text.js";

export const label = (kind, ...words) => el("span", { class: `label label-${kind}` }, ...words);

export function button(text, on_click, { kind = "secondary", control, describe } = {}) {
  return el(
    "button",
    {
      type: "button",
      class: `button button-${kind}`,
      onclick: on_click,
      "data-control": control,
      "aria-label": describe,
    },
    text,
  );
}

export const code = (text, longest) => el("code", { dir: "ltr" }, visible(text, longest));

// Whose a file is, of a record, by the ends of the names of its fields.
export const ownership = (record, ending) =>
  el("span", { class: "whole" }, ownership_text(record, ending));

// A command to paste into a shell, and a button that copies it.
function command(text, is_safe) {
  const copy = el(
    "button",
    {
      type: "button",
      class: "button button-plain",
      "aria-label": _("Copy the command"),
      "data-control": "copy",
    },
    icon("copy"),
  );
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      announce(_("The browser does not permit copying."));
      return;
    }
    announce(_("Copied."));
    copy.classList.add("is-done");
    setTimeout(() => copy.classList.remove("is-done"), 1500);
  });
  // Without https, there is no clipboard.
  return el("span", { class: "command" }, code(text), is_safe && navigator.clipboard && copy);
}

// One command a line. If any is shown otherwise than it is, none can be copied.
export function commands(text) {
  const lines = text.split("\n");
  const is_safe = lines.every((line) => visible(line) === line);
  return el(
    "span",
    { class: "commands" },
    lines.map((line) => command(line, is_safe)),
  );
}

export function facts(rows) {
  const shown = rows.filter(([, what]) => what && what.length !== 0);
  return el(
    "dl",
    { class: "facts" },
    shown.map(([name, what]) => [el("dt", null, name), el("dd", null, what)]),
  );
}

export function alert_box(kind, title, ...body) {
  const shape = { danger: "disabled", success: "ok", warning: "degraded" }[kind] || "degraded";
  return el(
    "div",
    { class: `alert alert-${kind}`, role: kind === "danger" ? "alert" : "status" },
    icon(shape),
    el("div", null, el("p", { class: "alert-title" }, title), ...body),
  );
}

// A table that becomes a list of blocks on a narrow screen. Each row has one cell for each heading.
export function table(caption, headings, rows) {
  const head = el(
    "tr",
    null,
    headings.map((heading) => el("th", { scope: "col" }, heading)),
  );
  return el(
    "table",
    { class: "table" },
    el("caption", { class: "for-readers" }, caption),
    el("thead", null, head),
    el(
      "tbody",
      null,
      rows.map((cells) =>
        el(
          "tr",
          null,
          cells.map((cell, at) => el("td", { "data-label": headings[at] }, el("div", null, cell))),
        ),
      ),
    ),
  );
}

// A word to a screen reader.
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

// Where the focus is now. What has it may be built anew meanwhile: data-control names it within its item.
function focus_to_return_to() {
  const focused = document.activeElement;
  const control = focused.dataset.control;
  const owner = focused.closest("[data-key]")?.dataset.key;
  return () => {
    if (document.activeElement !== document.body) return;
    const items = [...document.querySelectorAll("[data-key]")];
    const item = items.find((each) => each.dataset.key === owner) ?? document;
    const same = control && item.querySelector(`[data-control="${control}"]`);
    (focused.isConnected ? focused : same)?.focus({ preventScroll: true });
  };
}

// A dialog that takes the focus, and gives it back when it is closed. `body` and `buttons` may be replaced while it is
// open; dialog.onclose is called at its end.
export class Dialog {
  constructor(title, { wide = false } = {}) {
    this.body = el("div", { class: "dialog-body" });
    this.alerts = el("div", { class: "dialog-alerts" });
    this.footer = el("div", { class: "dialog-footer" });
    const heading = el("h2", { id: "dialog-title" }, title);
    this.node = el(
      "dialog",
      { class: wide ? "dialog dialog-wide" : "dialog", "aria-labelledby": "dialog-title" },
      heading,
      this.alerts,
      this.body,
      this.footer,
    );
    this.onclose = () => undefined;
    const return_focus = focus_to_return_to();
    this.node.addEventListener("close", () => {
      this.node.remove();
      return_focus();
      this.onclose();
    });
    document.body.append(this.node);
    this.node.showModal();
  }

  get is_open() {
    return this.node.open;
  }

  show(body, buttons) {
    fill(this.body, body);
    fill(this.footer, buttons);
    // What had the focus may be gone.
    if ([this.node, document.body].includes(document.activeElement))
      this.footer.querySelector("button:last-of-type")?.focus();
  }

  fail(text) {
    fill(this.alerts, text && alert_box("danger", text));
  }

  set_busy(is_busy) {
    for (const control of this.footer.querySelectorAll("button")) control.disabled = is_busy;
    this.node.toggleAttribute("aria-busy", is_busy);
  }

  close() {
    this.node.close();
  }

  closer(text = _("Close")) {
    return button(text, () => this.close(), { kind: "link" });
  }
}
