// exec: the command that should have been typed; and the one that nobody is to be blamed for.

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <iostream>
#include <memory>

#include "guardd/ctl/ask/connect.h"
#include "guardd/ctl/ask/policies.h"
#include "guardd/ctl/run_as/owner.h"
#include "guardd/ctl/run_as/pty.h"
#include "guardd/ctl/verbs/verbs.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

// As a shell and env(1) say it.
enum : int { kCannotRun = 126, kNotFound = 127 };

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Returns only if it could not: the exit status, after having said why.
int replace_with(std::vector<std::string> command) {
  auto arguments = pointers_to(command);
  ::execvp(arguments[0], arguments.data());
  const int code = errno;
  (void)fail(Error::from_errno(code, escaped(command.front())));
  return code == ENOENT ? kNotFound : kCannotRun;
}

std::string current_directory() {
  std::array<char, PATH_MAX> buffer{};
  return ::getcwd(buffer.data(), buffer.size()) ? buffer.data() : "";
}

// By its path, as the owner himself could: being there already would let him stay where he may not
// go. Empty: there, where the caller was. Else where he is instead.
std::string enter(const std::string& wished, const std::string& tree, const std::string& home) {
  if (wished.starts_with('/') && ::chdir(wished.c_str()) == 0) return "";
  for (const auto& path : {tree, home})
    if (::chdir(path.c_str()) == 0) return path;
  return ::chdir("/") == 0 ? "/" : "nowhere";
}

struct AsOwner {
  Owner owner;
  std::string tree;
  std::vector<std::string> command;
  bool quiet;
};

// In the process that becomes the command.
int run(const AsOwner& asked) {
  const auto wished = current_directory();
  auto environment = environment_of(asked.owner);
  if (const auto done = become(asked.owner); !done) return fail(done.error());
  const auto instead = enter(wished, asked.tree, asked.owner.home);
  if (!instead.empty() && !asked.quiet)
    std::cerr << "guardctl: the owner may not enter " << escaped(wished) << ": this runs in "
              << escaped(instead) << '\n';
  // The sentence above was the last that had to be written in the caller's words.
  auto variables = pointers_to(environment);
  environ = variables.data();
  if (::syscall(SYS_close_range, STDERR_FILENO + 1, UINT_MAX, 0) != 0)
    return fail(Error::from_errno(errno, "close_range"));
  return replace_with(asked.command);
}

int exec_as_owner(const Options& options, const std::string& name) {
  const auto set = load_valid(options);
  if (!set) return kFailed;
  const auto policy = set->policy_called(name);
  if (!policy) return fail(policy.error());
  const auto owner = owner_of(**policy);
  if (!owner) return fail(owner.error());
  const Uid self{::geteuid()};
  if (self != kRoot && self != owner->uid) {
    const auto& who = (*policy)->wanted.owner.name;
    (void)fail(Error("only root, and " + quote(who) + " itself, can run something as " +
                     quote(who) + "; try: sudo guardctl exec " + name + " -- …"));
    return kNotPermitted;
  }
  if (!owner->remark.empty() && !options.quiet)
    std::cerr << "guardctl: " << printable(owner->remark) << '\n';
  const AsOwner asked{*owner, (*policy)->said.paths.front().value, options.command, options.quiet};
  if (self == owner->uid || !has_terminal()) return run(asked);
  const auto status = run_on_own_terminal(owner->uid, [&asked] { return run(asked); });
  return status ? *status : fail(status.error());
}

struct ExecOptions {
  std::string policy;
  bool excuse = false;
  std::string reason;
};

// Only once it is excused: what is refused half way is worse than what has not begun.
int exec_excused(const Options& options, const std::string& reason) {
  std::string line;
  for (const auto& word : options.command) line += (line.empty() ? "" : " ") + word;
  if (!is_utf8(line)) line = escaped(line);
  {
    auto daemon = reach_daemon(options);
    if (!daemon) return fail(daemon.error());
    if (const auto done = daemon->excuse(reason, line); !done) return fail(done.error());
  }
  return replace_with(options.command);
}

int exec(const Options& options, const ExecOptions& asked) {
  const auto wrong = [](const std::string& what) { return misused(what, "exec"); };
  if (asked.excuse && !asked.policy.empty())
    return wrong("--excuse is for all policies: leave out " + quote(asked.policy));
  if (!asked.excuse && !asked.reason.empty()) return wrong("--reason is for --excuse");
  if (!asked.excuse && asked.policy.empty()) return wrong("exec needs the name of a POLICY");
  if (asked.excuse && asked.reason.empty())
    return wrong("exec --excuse needs --reason: somebody will ask for it");
  if (options.command.empty() || options.command.front().empty()) {
    const auto before = asked.excuse ? "--excuse --reason TEXT" : escaped(asked.policy);
    return wrong("exec needs a COMMAND after --, as in: guardctl exec " + before +
                 " -- touch file");
  }
  return asked.excuse ? exec_excused(options, asked.reason) : exec_as_owner(options, asked.policy);
}

}  // namespace

Run exec_verb(Arguments& arguments) {
  auto asked = std::make_shared<ExecOptions>();
  arguments.option("policy", asked->policy);
  arguments.flag("--excuse", asked->excuse);
  arguments.option("--reason", asked->reason);
  return [asked](const Options& options) { return exec(options, *asked); };
}

}  // namespace guard::ctl
