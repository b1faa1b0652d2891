// Scans a tree and shows what is wrong; then fixes it, if the person wants that.

import { error_text } from "./bus.js";
import { outcome_word } from "./describe.js";
import { el, fill } from "./dom.js";
import { Dialog, alert_box, announce, button, code, ownership, table } from "./parts.js";
import { _, counted, format, grouped, sentence } from "./text.js";

const FILES_SHOWN = 200;

// The progress of the scan that runs. guardd sends it to the caller only.
function progress_part(model) {
  const bar = el("progress", { "aria-label": _("Progress of the scan") });
  const text = el("p", { class: "progress-text" }, _("The scan begins …"));
  const follow = ({ detail: { looked_at, expected, found, fixed } }) => {
    // A tree may have grown since the previous scan.
    const is_known = expected > 0 && expected >= looked_at;
    if (is_known) {
      bar.max = expected;
      bar.value = looked_at;
    } else {
      bar.removeAttribute("value");
    }
    fill(
      text,
      is_known
        ? format(_("$0 of about $1 files looked at"), grouped(looked_at), grouped(expected))
        : format(_("$0 files looked at"), grouped(looked_at)),
      ", ",
      format(_("$0 wrong"), grouped(found)),
      fixed > 0 && [", ", format(_("$0 fixed"), grouped(fixed))],
    );
  };
  model.addEventListener("progress", follow);
  return {
    node: el("div", { class: "progress" }, bar, text),
    end: () => model.removeEventListener("progress", follow),
  };
}

function wrong_table(files) {
  return table(
    _("Files"),
    [_("File"), _("Is"), _("Should be"), _("Fix")],
    files.map((file) => [
      code(file.path),
      ownership(file, "_before"),
      ownership(file, "_wanted"),
      file.action === "fixed"
        ? _("possible")
        : [outcome_word(file.action), file.reason && `: ${sentence(file.reason)}`],
    ]),
  );
}

// where: a policy, or empty for all of them.
export async function scan_dialog(model, where) {
  const title = where ? format(_("Scan of policy $0"), where) : _("Scan of all trees");
  const dialog = new Dialog(title, { wide: true });

  // Runs one scan, with its progress; returns nothing if it fails.
  async function run(...call) {
    const progress = progress_part(model);
    dialog.fail("");
    dialog.show(
      [progress.node, el("p", { class: "note" }, _("If you close this dialog, the scan goes on."))],
      [dialog.closer()],
    );
    try {
      return await model.bus.call(...call);
    } catch (error) {
      dialog.fail(error_text(error));
      dialog.show(null, [dialog.closer()]);
      return undefined;
    } finally {
      progress.end();
    }
  }

  async function fix() {
    const totals = await run("Scan", where, true);
    if (!totals) return;
    const [found, fixed] = totals;
    const text = format(_("$0 of $1 wrong files were fixed"), grouped(fixed), grouped(found));
    announce(text);
    dialog.show(
      alert_box(
        fixed === found ? "success" : "warning",
        text,
        fixed < found && el("p", null, _("Scan again to see what is left, and why.")),
      ),
      [dialog.closer()],
    );
    dialog.footer.querySelector("button").focus();
    model.refresh_soon();
  }

  const result = await run("FindWrong", where, FILES_SHOWN);
  if (!result || !dialog.is_open) return;
  const [files, found] = result;
  if (found === 0) {
    announce(_("Nothing is wrong"));
    dialog.show(alert_box("success", _("Nothing is wrong")), [dialog.closer()]);
  } else {
    const text = counted(found, "$0 file is not as wanted.", "$0 files are not as wanted.");
    announce(text);
    dialog.show(
      [
        el("p", null, text),
        wrong_table(files),
        found > files.length &&
          el("p", null, format(_("Only the first $0 are shown."), grouped(files.length))),
      ],
      [
        button(_("Fix what can be fixed"), fix, { kind: "primary", control: "fix" }),
        dialog.closer(),
      ],
    );
  }
  dialog.footer.querySelector("button").focus();
}
