// scan, fix and undo.

#include <CLI/CLI.hpp>

#include "guardd/ctl/daemon.h"
#include "guardd/ctl/json.h"
#include "guardd/ctl/loaded.h"
#include "guardd/ctl/verbs.h"
#include "guardd/host/question.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

// What has no slash in it is the name of a policy, as in a shell what has none is a command's.
bool is_path(const std::string& where) {
  return where.find('/') != std::string::npos || where == "." || where == "..";
}

std::string scan_text(const bus::Totals& totals, const std::string& where) {
  if (totals.found == 0) return "Nothing is wrong.\n";
  return counted(totals.found, "file is", "files are") +
         " not as wanted.\nTo put it right: guardctl fix" +
         (where.empty() ? "" : ' ' + escaped(where)) + '\n';
}

std::string fix_text(const bus::Totals& totals) {
  if (totals.found == 0) return "Nothing is wrong.\n";
  auto text = counted(totals.found, "file was", "files were") + " not as wanted, " +
              grouped(totals.fixed) + " put right.\n";
  if (totals.fixed < totals.found) text += "Why the others were not: guardctl incidents\n";
  return text;
}

int look_through(const Options& options, const std::string& asked, bool fix) {
  const auto where = is_path(asked) ? met_as(asked) : asked;
  auto daemon = reach_daemon(options);
  if (!daemon) return fail(daemon.error());
  const auto totals = daemon->scan(where, fix);
  if (!totals) return fail(totals.error());
  const int status = totals->found > (fix ? totals->fixed : 0) ? kFailed : kDone;
  const auto terminal = Terminal::detect(options.pager);
  if (options.json) {
    Json json;
    json["found"] = totals->found;
    json["fixed"] = totals->fixed;
    return show_json(terminal, json) ? status : kFailed;
  }
  if (options.quiet) return status;
  const auto text = fix ? fix_text(*totals) : scan_text(*totals, where);
  return terminal.show(text) ? status : kFailed;
}

int undo(const Options& options, const std::string& id) {
  if (id.empty()) return misused("ID is empty", "undo");
  auto daemon = reach_daemon(options);
  if (!daemon) return fail(daemon.error());
  const auto restored = daemon->undo(id);
  if (!restored) return fail(restored.error());
  const auto terminal = Terminal::detect(options.pager);
  if (options.json) {
    Json json;
    json["restored"] = *restored;
    return show_json(terminal, json) ? kDone : kFailed;
  }
  if (options.quiet) return kDone;
  const auto text = *restored == 0
                        ? std::string("Nothing was left to be given back.\n")
                        : counted(*restored, "file was", "files were") + " given back as before.\n";
  return terminal.show(text) ? kDone : kFailed;
}

Run look_verb(CLI::App& app, bool fix) {
  auto where = std::make_shared<std::string>();
  app.add_option("where", *where);
  return [where, fix](const Options& options) { return look_through(options, *where, fix); };
}

}  // namespace

Run scan_verb(CLI::App& app) {
  return look_verb(app, false);
}

Run fix_verb(CLI::App& app) {
  return look_verb(app, true);
}

Run undo_verb(CLI::App& app) {
  auto id = std::make_shared<std::string>();
  app.add_option("id", *id)->required();
  return [id](const Options& options) { return undo(options, *id); };
}

}  // namespace guard::ctl
