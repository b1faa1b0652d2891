#include "guardd/ctl/doctor/fights.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

#include "guardd/ctl/doctor/logrotate.h"
#include "guardd/ctl/doctor/units.h"
#include "policy/base/text.h"
#include "policy/judge.h"

namespace guard::doctor {
namespace {

// What somebody will do to a path, as some file says.
struct Deed {
  std::string path;
  FileType type = FileType::kRegular;
  std::optional<Uid> uid;
  std::optional<Gid> gid;
  std::optional<Mode> mode;
  std::string unit;  // it will be done in
};

// What the policy wants there, if it is something else.
struct Fight {
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

std::optional<Fight> fight_over(const PolicySet& set, const Deed& manual_repair) {
  const auto path = normal(manual_repair.path);
  const auto* tree = path.starts_with('/') ? set.tree_of(path) : nullptr;
  if (!tree) return std::nullopt;
  const auto& policy = set.policy_of(*tree);
  Subject root;
  root.self.uid = kRoot;
  root.self.gid = Gid{0};
  root.self.unit = manual_repair.unit;
  Change change;
  change.operation = Operation::kChown;
  change.path = PolicySet::relative(*tree, path);
  change.type = manual_repair.type;
  change.uid = manual_repair.uid;
  change.gid = manual_repair.gid;
  change.mode = manual_repair.mode;
  const auto verdict = judge(policy, root, change);
  if (!verdict.violation() || !verdict.wanted) return std::nullopt;
  return Fight{&policy, verdict.wanted->owner, verdict.wanted->group};
}

std::string wants(const Fight& fight) {
  return escaped(fight.owner.name) + ':' + escaped(fight.group.name);
}

std::optional<std::uint32_t> number_in(const std::string& text, int base = 10) {
  std::uint32_t number = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number, base);
  if (text.empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

class Fights {
 public:
  Fights(const Machine& machine, const PolicySet& set, const Users& users)
      : machine_(machine), set_(set), users_(users) {}

  Checks find() {
    find_tmpfiles();
    find_logrotate();
    find_directories();
    find_cron();
    return group_.take();
  }

 private:
  static constexpr const char* kWhy =
      "where two set owners, each undoes what the other did, and each time is an incident";

  std::optional<Uid> uid_of(const std::string& user) const {
    if (const auto number = number_in(user)) return Uid{*number};
    const auto account = users_.user(user);
    return account && *account ? std::optional((*account)->uid) : std::nullopt;
  }
  std::optional<Gid> gid_of(const std::string& group) const {
    if (const auto number = number_in(group)) return Gid{*number};
    const auto found = users_.group(group);
    return found ? *found : std::nullopt;
  }

  void tell(const std::string& who, const Deed& manual_repair, const Fight& fight,
            const std::string& place, const std::string& repair) {
    group_.warn(who,
                place + " makes " + escaped(manual_repair.path) + " other than policy " +
                    fight.policy->name() + " wants it, " + wants(fight),
                kWhy, repair);
    ++found_;
  }
  void end(const std::string& who, const std::string& well) {
    if (found_ == 0) group_.ok(who, well, kWhy);
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
    const auto words = words_of(line);
    if (words.size() < 4) return;
    const char type = words[0].empty() ? ' ' : words[0].front();
    if (std::string_view("dDevqQfFpcbCzZ").find(type) == std::string_view::npos) return;
    const auto bare = [](std::string text) {
      while (text.starts_with(':') || text.starts_with('~')) text.erase(0, 1);
      return text;
    };
    Deed manual_repair;
    manual_repair.path = words[1];
    manual_repair.unit = "systemd-tmpfiles-setup.service";
    if (std::string_view("dDevqQ").find(type) != std::string_view::npos)
      manual_repair.type = FileType::kDirectory;
    if (words[3] != "-") manual_repair.uid = uid_of(bare(words[3]));
    if (words.size() > 4 && words[4] != "-") manual_repair.gid = gid_of(bare(words[4]));
    if (const auto mode = number_in(words[2], 8); mode && type != 'z' && type != 'Z' && type != 'C')
      manual_repair.mode = Mode{*mode};
    auto fight = fight_over(set_, manual_repair);
    if (type == 'Z' && !fight)  // everything below, trees included
      for (const auto& tree : set_.trees())
        if (!fight && tree.root().starts_with(normal(words[1]) + '/')) {
          manual_repair.path = tree.root();
          manual_repair.type = FileType::kDirectory;
          fight = fight_over(set_, manual_repair);
        }
    if (!fight) return;
    const auto base = place.substr(0, place.rfind(':'));
    const bool is_admins = base.starts_with("/etc/");
    tell("tmpfiles.d", manual_repair, *fight, place,
         (is_admins ? "change " + place
                    : "cp " + base + " /etc/tmpfiles.d/ and change its line " +
                          place.substr(place.rfind(':') + 1)) +
             " to " + wants(*fight) + "; or give the policy a rule for it");
  }

  void find_logrotate() {
    for (const auto& rotation : rotations(machine_)) {
      Deed manual_repair;
      manual_repair.path = rotation.path;
      manual_repair.unit = "logrotate.service";
      manual_repair.uid = uid_of(rotation.user);
      if (!rotation.group.empty()) manual_repair.gid = gid_of(rotation.group);
      if (rotation.mode) manual_repair.mode = Mode{*rotation.mode};
      const auto fight = fight_over(set_, manual_repair);
      if (!fight) continue;
      tell("logrotate", manual_repair, *fight, rotation.place,
           "write in " + rotation.place + ": " + rotation.key + ' ' +
               (rotation.key == "su" ? "" : "0640 ") + escaped(fight->owner.name) + ' ' +
               escaped(fight->group.name));
    }
    end("logrotate", "logrotate makes no file in a tree for another owner");
  }

  void find_directories() {
    constexpr std::array<std::pair<const char*, const char*>, 4> kKinds{
        std::pair{"StateDirectory", "/var/lib/"}, std::pair{"CacheDirectory", "/var/cache/"},
        std::pair{"LogsDirectory", "/var/log/"}, std::pair{"RuntimeDirectory", "/run/"}};
    for (const auto& name : service_names(machine_)) {
      const auto unit = read_unit(machine_, name);
      const auto* dynamic = unit.last("Service", "DynamicUser");
      if (dynamic && is_yes(dynamic->value)) continue;
      const auto* user = unit.last("Service", "User");
      const auto owner = user && !user->value.empty() ? user->value : std::string("root");
      for (const auto& [key, top] : kKinds) {
        const auto* line = unit.last("Service", key);
        if (!line) continue;
        for (const auto& each : unit.all("Service", key)) {
          Deed manual_repair;
          manual_repair.path = top + each.substr(0, each.find(':'));
          manual_repair.type = FileType::kDirectory;
          manual_repair.uid = uid_of(owner);
          manual_repair.unit = name;
          if (const auto fight = fight_over(set_, manual_repair))
            tell("units", manual_repair, *fight, line->place(),
                 "systemctl edit " + name + ": [Service] User=" + escaped(fight->owner.name) +
                     "; or give the policy a rule for it");
        }
      }
    }
    end("units", "no unit has a directory in a tree under another user");
  }

  void find_cron() {
    std::vector<std::string> files{"/etc/crontab"};
    for (const auto& each : machine_.merged({"/etc/cron.d"}, "")) files.push_back(each);
    for (const auto& file : files) {
      const auto lines = machine_.lines(file);
      if (!lines) continue;
      for (std::size_t i = 0; i < lines->size(); ++i)
        judge_cron((*lines)[i], file + ':' + std::to_string(i + 1));
    }
    end("cron", "no job of cron's works in a tree as another user");
  }

  void judge_cron(const std::string& line, const std::string& place) {
    const auto words = words_of(line);
    if (words.empty() || words.front().starts_with('#')) return;
    const std::size_t at = words.front().starts_with('@') ? 1 : 5;
    if (words.size() <= at + 1) return;
    Deed manual_repair;
    manual_repair.uid = uid_of(words[at]);
    manual_repair.unit = "cron.service";
    const auto command = line.substr(std::min(line.size(), line.find(words[at])));
    for (const auto& tree : set_.trees()) {
      const auto found = command.find(tree.root());
      if (!manual_repair.uid || found == std::string::npos || tree.root() == "/") continue;
      const auto end = found + tree.root().size();
      if (end < command.size() &&
          std::string_view("/ ;&|'\"").find(command[end]) == std::string_view::npos)
        continue;
      manual_repair.path = tree.root() + "/made-by-cron";
      const auto fight = fight_over(set_, manual_repair);
      if (!fight) continue;
      group_.warn("cron",
                  place + " works in " + escaped(tree.root()) + " as " + escaped(words[at]) +
                      ", and policy " + fight->policy->name() + " wants " + wants(*fight),
                  "what the job makes there belongs to the wrong user until guardd has seen it",
                  "write " + escaped(fight->owner.name) + " for " + escaped(words[at]) + " in " +
                      place + "; or, if it only reads, allow unit = \"cron.service\"");
      ++found_;
      return;
    }
  }

  const Machine& machine_;
  const PolicySet& set_;
  const Users& users_;
  Group group_{"fights"};
  std::size_t found_ = 0;
};

}  // namespace

Checks fights_checks(const Machine& machine, const PolicySet& set, const Users& users) {
  return Fights(machine, set, users).find();
}

}  // namespace guard::doctor
