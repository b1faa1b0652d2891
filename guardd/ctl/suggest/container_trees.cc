#include "guardd/ctl/suggest/container_trees.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "guardd/ctl/suggest/candidates.h"
#include "guardd/host/terminal_text.h"
#include "policy/base/text.h"

namespace guard::suggest {
namespace {

using containers::Container;
using containers::ContainerUserResult;
using containers::Mount;
using containers::Runtime;
using machine::Machine;

constexpr std::string_view kContainerSources =
    "the containers of this machine and the present owners of their volumes";

struct Use {
  const Runtime* runtime = nullptr;
  const Container* container = nullptr;
  const Mount* mount = nullptr;
  const ContainerUserResult* user = nullptr;
};

bool is_root_of_machine(const Use& use) {
  return use.user->user && use.user->user->uid == kRoot;
}

std::string name_of(const Use& use) {
  return "container " + escaped(use.container->name);
}

std::string names_of(const std::vector<Use>& uses) {
  std::vector<std::string> names;
  names.reserve(uses.size());
  for (const auto& use : uses) names.push_back(escaped(use.container->name));
  return (names.size() == 1 ? "container " : "containers ") + listed(names);
}

// "container db (postgres:16, docker)"
std::string who_uses(const Use& use) {
  const auto& socket = use.runtime->socket;
  std::string who = name_of(use) + " (" + escaped(use.container->image) + ", " + socket.runtime;
  if (socket.user) who += " of " + escaped(socket.user->name);
  return who + ")";
}

class ContainerTrees {
 public:
  ContainerTrees(const Machine& machine, const ContainersRequest& request)
      : machine_(machine),
        request_(request),
        processes_(request.proc),
        candidates_(machine, request.present) {
    const auto text = [&](const char* path) {
      auto found = machine.text(path);
      return found ? *std::move(found) : std::string();
    };
    subordinate_ = {text("/etc/subuid"), text("/etc/subgid")};
  }

  // The runtime must outlive this.
  void add(const Runtime& runtime) {
    for (const auto& container : runtime.containers) {
      users_.push_back(std::make_unique<ContainerUserResult>(
          containers::user_of(runtime, container, processes_, subordinate_,
                              containers::file_in(runtime.socket, container, "/etc/passwd"))));
      for (const auto& mount : container.mounts)
        if (mount.kind == "bind" || mount.kind == "volume")
          uses_[mount.source].push_back({&runtime, &container, &mount, users_.back().get()});
    }
    if (runtime.unread > 0)
      candidates_.leave_out(
          counted(runtime.unread, "container", "containers") + " of " + runtime.socket.path,
          "were too many, or could not be read");
  }

  Suggestion finish() {
    for (const auto& [path, uses] : uses_) decide(path, uses);
    return candidates_.finish(std::string(kContainerSources));
  }

 private:
  bool is_directory(const std::string& path) const {
    const auto facts = machine_.files().look_through(path);
    return facts && *facts && (*facts)->type == FileType::kDirectory;
  }

  void decide(const std::string& path, const std::vector<Use>& uses) {
    std::vector<Use> writers;
    std::vector<Use> of_root;
    for (const auto& use : uses) {
      if (!use.mount->is_writable) continue;
      (is_root_of_machine(use) ? of_root : writers).push_back(use);
    }
    const auto leave_out = [&](std::string why) { candidates_.leave_out(path, std::move(why)); };
    if (machine_.is_there(path) && !is_directory(path))
      return leave_out("is no directory, but mounted by " + names_of(uses));
    if (writers.empty() && of_root.empty()) return leave_out("is only read by " + names_of(uses));
    if (writers.empty())
      return leave_out("is written by " + names_of(of_root) +
                       ", which runs as root on this machine, so what root makes there is right");
    for (const auto& use : writers) {
      if (use.user->user && !is_credible(use, path))
        return leave_out("is mounted by " + who_uses(use) +
                         ", but belongs to others than this user");
      if (const auto above = replaceable_below(use, path); !above.empty())
        return leave_out("is below " + escaped(above) + " of " +
                         escaped(use.runtime->socket.user->name) + ", who could replace it, but " +
                         who_uses(use) +
                         " runs as another user; mount a directory of root's, for example in /srv");
    }
    for (const auto& use : writers) propose(path, use, of_root);
  }

  // What root's runtimes say is true. A user's own one can claim any path and any owner.
  bool is_credible(const Use& use, const std::string& path) const {
    const auto& user = use.runtime->socket.user;
    if (!user) return true;
    if (!containers::is_of_user(*user, subordinate_, use.user->user->uid)) return false;
    const auto facts = machine_.files().look_through(path);
    return facts && *facts && containers::is_of_user(*user, subordinate_, (*facts)->uid);
  }

  // The next directory above that belongs to the rootless user, who is not the owner: guardd
  // rejects such a tree. Empty: there is none.
  std::string replaceable_below(const Use& use, const std::string& path) const {
    const auto& user = use.runtime->socket.user;
    if (!user || user->uid == kRoot || !use.user->user || use.user->user->uid == user->uid)
      return {};
    for (auto above = path; above.size() > 1;) {
      above.resize(std::max(above.rfind('/'), std::size_t{1}));
      const auto facts = machine_.files().look_through(above);
      if (facts && *facts && (*facts)->uid == user->uid) return above;
    }
    return {};
  }

  void propose(const std::string& path, const Use& use, const std::vector<Use>& of_root) {
    Candidate candidate;
    candidate.subject = use.container->name;
    const auto& user = use.user->user;
    candidate.why = {place_of(use)};
    if (!of_root.empty())
      candidate.why.push_back("also written by " + names_of(of_root) +
                              ", which runs as root on this machine");
    if (user) {
      set_owner(candidate, use);
    } else {
      candidate.who =
          who_uses(use) + ": " + use.user->why_unknown + ", so the owner of most files counts";
      const auto facts = machine_.files().look_through(path);
      if (!facts || !*facts || (*facts)->uid == kRoot)
        return candidates_.leave_out(path, "belongs to root, and " + name_of(use) +
                                               " does not show its user: " + use.user->why_unknown);
      candidate.by_number = true;
    }
    candidates_.add(path, std::move(candidate));
  }

  static std::string place_of(const Use& use) {
    const auto& mount = *use.mount;
    const auto what = mount.volume.empty() ? "mounted" : "volume " + escaped(mount.volume);
    return what + " at " + escaped(mount.target);
  }

  // The number of a user in a container often belongs to another account on this machine.
  void set_owner(Candidate& candidate, const Use& use) const {
    const auto& user = *use.user->user;
    const auto account = machine_.users().user(user.uid);
    const auto name = account && *account ? (*account)->name : std::string();
    const auto& of = use.runtime->socket.user;
    candidate.by_number = name.empty() || !(name == user.name || (of && of->uid == user.uid));
    const auto shown = candidate.by_number ? std::to_string(user.uid.value) : name;
    candidate.owner = Account{shown, user.uid, user.gid};
    candidate.group = user.gid;
    if (!parse_number(user.name))
      candidate.owner_there = escaped(user.name) + " in " + name_of(use);
    candidate.displaced = {kRoot};
    if (user.root != kRoot && user.root != user.uid) candidate.displaced.push_back(user.root);
    candidate.who =
        who_uses(use) + " runs as uid " + std::to_string(user.uid.value) +
        (parse_number(user.name) ? "" : " (" + escaped(user.name) + " in the container)") + ": " +
        user.why;
    if (!name.empty() && candidate.by_number)
      candidate.why.push_back("on this machine, the number belongs to " + escaped(name));
  }

  const Machine& machine_;
  const ContainersRequest& request_;
  containers::ProcessUsers processes_;
  containers::SubordinateIds subordinate_;
  Candidates candidates_;
  std::vector<std::unique_ptr<ContainerUserResult>> users_;
  std::map<std::string, std::vector<Use>> uses_;  // by path
};

}  // namespace

Result<Suggestion> suggest_for_containers(const Machine& machine,
                                          const ContainersRequest& request) {
  std::vector<Runtime> runtimes;
  std::string why;
  for (const auto& socket : request.sockets) {
    auto runtime = containers::read_runtime(socket);
    if (runtime) {
      runtimes.push_back(*std::move(runtime));
      continue;
    }
    why += (why.empty() ? "" : "; ") + runtime.error().text();
  }
  if (runtimes.empty()) return Error("no container runtime answers: " + why);
  ContainerTrees trees(machine, request);
  for (const auto& runtime : runtimes) trees.add(runtime);
  return trees.finish();
}

}  // namespace guard::suggest
