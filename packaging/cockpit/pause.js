// Begins a pause of a policy, which always has an end and a reason.

import { error_text } from "./bus.js";
import { el } from "./dom.js";
import { Dialog, announce } from "./parts.js";
import { _, format, moment_text, visible } from "./text.js";

const MINUTE = 60;
const LONGEST = 30 * 24 * 60 * MINUTE;

function lengths() {
  return [
    [10 * MINUTE, _("In 10 minutes")],
    [30 * MINUTE, _("In 30 minutes")],
    [60 * MINUTE, _("In 1 hour")],
    [4 * 60 * MINUTE, _("In 4 hours")],
    [24 * 60 * MINUTE, _("In 1 day")],
    [0, _("At another time")],
  ];
}

// "2026-11-28T14:30", in local time, as the browser's field wants it.
function local_text(moment) {
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

export function pause_dialog(model, policy) {
  const dialog = new Dialog(format(_("Pause policy $0"), visible(policy.Name)));
  const length = el(
    "select",
    { id: "pause-length" },
    lengths().map(([seconds, text]) => el("option", { value: seconds }, text)),
  );
  const until = el("input", {
    id: "pause-until",
    type: "datetime-local",
    value: local_text(new Date(Date.now() + 3600e3)),
  });
  const until_part = el(
    "div",
    { class: "field", hidden: true },
    el("label", { for: "pause-until" }, _("Date and time")),
    until,
  );
  const reason = el("input", {
    id: "pause-reason",
    type: "text",
    maxlength: 100,
    autocomplete: "off",
    "aria-required": "true",
  });
  const end = el("p", { class: "note", id: "pause-end" });

  const seconds = () =>
    Number(length.value) || Math.round((new Date(until.value).getTime() - Date.now()) / 1000);
  function show_end() {
    until_part.hidden = length.value !== "0";
    const moment = (Date.now() + seconds() * 1000) * 1000;
    end.textContent = Number.isFinite(moment)
      ? format(_("The pause ends at $0."), moment_text(moment, { seconds: false }))
      : "";
  }
  length.addEventListener("change", show_end);
  until.addEventListener("input", show_end);

  function mistake() {
    if (!(seconds() >= 1)) return _("The end must be in the future.");
    if (seconds() > LONGEST) return _("A pause may last 30 days at most.");
    if (!reason.value.trim()) return _("Enter a reason: others will see it.");
    return "";
  }

  async function pause(event) {
    event.preventDefault();
    dialog.fail(mistake());
    if (mistake()) return;
    dialog.set_busy(true);
    try {
      await model.bus.call("Pause", policy.Name, seconds() * 1e6, reason.value.trim());
      announce(format(_("Policy $0 is paused."), visible(policy.Name)));
      dialog.close();
    } catch (error) {
      dialog.set_busy(false);
      dialog.fail(error_text(error));
    }
  }

  dialog.show(
    el(
      "form",
      { id: "pause-form", onsubmit: pause, novalidate: true },
      el(
        "p",
        null,
        _(
          "Until the end, guardd denies and fixes nothing in these trees, and records what happens. Then it scans them.",
        ),
      ),
      el("div", { class: "field" }, el("label", { for: "pause-length" }, _("Ends")), length),
      until_part,
      end,
      el("div", { class: "field" }, el("label", { for: "pause-reason" }, _("Reason")), reason),
    ),
    [
      el(
        "button",
        {
          type: "submit",
          form: "pause-form",
          class: "button button-primary",
          "data-control": "pause",
        },
        _("Pause"),
      ),
      dialog.closer(_("Cancel")),
    ],
  );
  show_end();
  reason.focus();
}

// Returns why it failed, or nothing.
export async function resume(model, policy) {
  try {
    await model.bus.call("Resume", policy.Name);
    announce(format(_("Policy $0 is in force again."), visible(policy.Name)));
    return "";
  } catch (error) {
    return error_text(error);
  }
}
