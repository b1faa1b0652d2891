#include <array>
#include <filesystem>

#include "guardd/ctl/doctor/checks.h"
#include "guardd/ctl/doctor/logrotate.h"
#include "guardd/ctl/machine/config_lines.h"
#include "guardd/ctl/machine/unit_files.h"
#include "policy/base/text.h"
#include "policy/judge.h"

namespace guard::doctor {
namespace {

// An owner that a configuration file sets on a path.
struct OwnerSetting {
  std::string path;
  FileType type = FileType::kRegular;
  std::optional<Uid> uid;
  std::optional<Gid> gid;
  std::optional<Mode> mode;
  std::string unit;  // that does it
};

// A policy that wants another owner there.
struct Conflict {
  const Policy* policy;
  NamedId<Uid> owner;
  NamedId<Gid> group;
};

std::string normal(const std::string& path) {
  auto text = std::filesystem::path(path).lexically_normal().string();
  if (text.starts_with("/var/run/")) text = text.substr(4);
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

std::optional<Conflict> conflict_of(const PolicySet& set, const OwnerSetting& setting) {
  const auto path = normal(setting.path);
  const auto* tree = path.starts_with('/') ? set.tree_of(path) : nullptr;
  if (!tree) return std::nullopt;
  const auto& policy = set.policy_of(*tree);
  Subject root;
  root.self.uid = kRoot;
  root.self.gid = Gid{0};
  root.self.unit = setting.unit;
  Change change;
  change.operation = Operation::kChown;
  change.path = PolicySet::relative(*tree, path);
  change.type = setting.type;
  change.uid = setting.uid;
  change.gid = setting.gid;
  change.mode = setting.mode;
  const auto verdict = judge(policy, root, change);
  if (!verdict.violation() || !verdict.wanted) return std::nullopt;
  return Conflict{&policy, verdict.wanted->owner, verdict.wanted->group};
}

std::string owner_text(const Conflict& conflict) {
  return escaped(conflict.owner.name) + ':' + escaped(conflict.group.name);
}

class FightFinder {
 public:
  FightFinder(const Machine& machine, const PolicySet& set, const Users& users)
      : machine_(machine), set_(set), users_(users) {}

  Checks find() {
    find_tmpfiles();
    find_logrotate();
    find_directories();
    return group_.take();
  }

 private:
  static constexpr const char* kWhy =
      "two programs that set different owners undo each other's work, and each time is an incident";

  std::optional<Uid> uid_of(const std::string& user) const {
    if (const auto number = parse_number(user)) return Uid{*number};
    const auto account = users_.user(user);
    return account && *account ? std::optional((*account)->uid) : std::nullopt;
  }
  std::optional<Gid> gid_of(const std::string& group) const {
    if (const auto number = parse_number(group)) return Gid{*number};
    const auto found = users_.group(group);
    return found ? *found : std::nullopt;
  }

  void report(const std::string& name, const OwnerSetting& setting, const Conflict& conflict,
              const std::string& place, const std::string& repair) {
    group_.warn(name,
                place + " sets another owner on " + escaped(setting.path) + " than policy " +
                    conflict.policy->name() + " does, " + owner_text(conflict),
                kWhy, repair);
    ++found_;
  }
  void end(const std::string& name, const std::string& finding) {
    if (found_ == 0) group_.ok(name, finding, kWhy);
    found_ = 0;
  }

  void find_tmpfiles() {
    for (const auto& file : machine_.merged({"/etc/tmpfiles.d", "/run/tmpfiles.d",
                                             "/usr/local/lib/tmpfiles.d", "/usr/lib/tmpfiles.d"},
                                            ".conf")) {
      const auto lines = machine_.lines(file);
      if (!lines) continue;
      for (std::size_t i = 0; i < lines->size(); ++i)
        judge_tmpfiles((*lines)[i], file + ':' + std::to_string(i + 1));
    }
    end("tmpfiles.d", "no line of tmpfiles.d sets another owner in a tree");
  }

  void judge_tmpfiles(const std::string& line, const std::string& place) {
    if (line.starts_with('#')) return;
    const auto words = machine::words_of(line);
    if (words.size() < 4) return;
    const char type = words[0].empty() ? ' ' : words[0].front();
    if (std::string_view("dDevqQfFpcbCzZ").find(type) == std::string_view::npos) return;
    const auto bare = [](std::string text) {
      while (text.starts_with(':') || text.starts_with('~')) text.erase(0, 1);
      return text;
    };
    OwnerSetting setting;
    setting.path = words[1];
    setting.unit = "systemd-tmpfiles-setup.service";
    if (std::string_view("dDevqQ").find(type) != std::string_view::npos)
      setting.type = FileType::kDirectory;
    if (words[3] != "-") setting.uid = uid_of(bare(words[3]));
    if (words.size() > 4 && words[4] != "-") setting.gid = gid_of(bare(words[4]));
    if (const auto mode = parse_number(words[2], 8);
        mode && type != 'z' && type != 'Z' && type != 'C')
      setting.mode = Mode{*mode};
    auto conflict = conflict_of(set_, setting);
    if (type == 'Z' && !conflict)  // also changes trees below
      for (const auto& tree : set_.trees())
        if (!conflict && tree.root().starts_with(normal(words[1]) + '/')) {
          setting.path = tree.root();
          setting.type = FileType::kDirectory;
          conflict = conflict_of(set_, setting);
        }
    if (!conflict) return;
    const auto base = place.substr(0, place.rfind(':'));
    const bool is_local = base.starts_with("/etc/");
    report("tmpfiles.d", setting, *conflict, place,
           (is_local ? "change " + place
                     : "cp " + base + " /etc/tmpfiles.d/ and change line " +
                           place.substr(place.rfind(':') + 1)) +
               " to " + owner_text(*conflict) + "; or add a rule to the policy");
  }

  void find_logrotate() {
    for (const auto& rotation : rotations(machine_)) {
      OwnerSetting setting;
      setting.path = rotation.path;
      setting.unit = "logrotate.service";
      setting.uid = uid_of(rotation.user);
      if (!rotation.group.empty()) setting.gid = gid_of(rotation.group);
      if (rotation.mode) setting.mode = Mode{*rotation.mode};
      const auto conflict = conflict_of(set_, setting);
      if (!conflict) continue;
      report("logrotate", setting, *conflict, rotation.place,
             "write in " + rotation.place + ": " + rotation.key + ' ' +
                 (rotation.key == "su" ? "" : "0640 ") + escaped(conflict->owner.name) + ' ' +
                 escaped(conflict->group.name));
    }
    end("logrotate", "logrotate creates no file in a tree for another owner");
  }

  void find_directories() {
    constexpr std::array<std::pair<const char*, const char*>, 4> kKinds{
        std::pair{"StateDirectory", "/var/lib/"}, std::pair{"CacheDirectory", "/var/cache/"},
        std::pair{"LogsDirectory", "/var/log/"}, std::pair{"RuntimeDirectory", "/run/"}};
    for (const auto& unit : machine::UnitFiles(machine_).load_all()) {
      if (machine::is_yes(unit.value("Service", "DynamicUser"))) continue;
      const auto user = unit.value("Service", "User");
      const auto owner = user.empty() ? std::string("root") : user;
      for (const auto& [key, top] : kKinds) {
        const auto* line = unit.last("Service", key);
        if (!line) continue;
        for (const auto& each : unit.words("Service", key)) {
          OwnerSetting setting;
          setting.path = top + each.substr(0, each.find(':'));
          setting.type = FileType::kDirectory;
          setting.uid = uid_of(owner);
          setting.unit = unit.name();
          if (const auto conflict = conflict_of(set_, setting))
            report("units", setting, *conflict, line->place(),
                   "systemctl edit " + unit.name() + ": [Service] User=" +
                       escaped(conflict->owner.name) + "; or add a rule to the policy");
        }
      }
    }
    end("units", "no unit has a directory in a tree for another user");
  }

  const Machine& machine_;
  const PolicySet& set_;
  const Users& users_;
  Group group_{"fights"};
  std::size_t found_ = 0;
};

}  // namespace

Checks fights_checks(const Machine& machine, const PolicySet& set, const Users& users) {
  return FightFinder(machine, set, users).find();
}

}  // namespace guard::doctor
