// Puts the page together.

import { error_text, is_invalid_policy } from "./bus.js";
import { show_details } from "./details.js";
import { el, fill } from "./dom.js";
import { explain_view } from "./explain.js";
import { health_view, reload_result } from "./health.js";
import { incidents_view } from "./incidents.js";
import { Model } from "./model.js";
import { alert_box, button } from "./parts.js";
import { pause_dialog, resume } from "./pause.js";
import { policies_view } from "./policies.js";
import { scan_dialog } from "./scan.js";
import { _ } from "./text.js";
import { follow_theme } from "./theme.js";

const cockpit = window.cockpit;

function start() {
  follow_theme();
  cockpit.translate();
  document.title = _("File owners");
  if (cockpit.language) document.documentElement.lang = cockpit.language.replace("_", "-");
  // Cockpit loads the page again when the person turns administrative access on or off.
  cockpit.permission({ admin: true });

  const model = new Model();
  const notices = el("div", { class: "notices" });
  const dismiss = () => fill(notices);

  async function reload() {
    dismiss();
    try {
      await model.bus.call("Reload");
      fill(notices, reload_result([], dismiss));
    } catch (error) {
      if (is_invalid_policy(error))
        fill(notices, reload_result(error.message.split("\n"), dismiss));
      else
        fill(
          notices,
          alert_box("danger", error_text(error), button(_("Dismiss"), dismiss, { kind: "link" })),
        );
    }
  }

  async function resume_policy(policy) {
    const failure = await resume(model, policy);
    fill(
      notices,
      failure && alert_box("danger", failure, button(_("Dismiss"), dismiss, { kind: "link" })),
    );
  }

  fill(
    document.getElementById("page"),
    el("h1", null, _("File owners")),
    notices,
    health_view(model, { on_reload: reload, on_scan: () => scan_dialog(model, "") }),
    policies_view(model, {
      on_scan: (policy) => scan_dialog(model, policy.Name),
      on_pause: (policy) => pause_dialog(model, policy),
      on_resume: resume_policy,
    }),
    incidents_view(model, (id) => show_details(model, id)),
    explain_view(model),
  );
  model.start();
}

cockpit.transport.wait(start);
