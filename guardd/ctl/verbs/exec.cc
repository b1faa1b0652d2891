// exec: runs a command as the owner of a policy, or excused.

#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

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

// The exit statuses of shells and env(1).
enum : int { kCannotRun = 126, kNotFound = 127 };

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Returns only on failure: reports it, and returns the exit status.
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

// Enters the directory of the caller by its path, with the rights of the owner: otherwise the owner
// could stay in a directory that it may not enter. Returns the directory entered instead, or "".
std::string enter(const std::string& preferred, const std::string& tree, const std::string& home) {
  if (preferred.starts_with('/') && ::chdir(preferred.c_str()) == 0) return "";
  for (const auto& path : {tree, home})
    if (::chdir(path.c_str()) == 0) return path;
  return ::chdir("/") == 0 ? "/" : "nowhere";
}

struct OwnerCommand {
  Owner owner;
  std::string tree;
  std::vector<std::string> command;
  bool quiet;
};

// Runs in the process that becomes the command.
int run(const OwnerCommand& command) {
  const auto preferred = current_directory();
  auto environment = environment_of(command.owner);
  if (const auto done = become(command.owner); !done) return fail(done.error());
  const auto instead = enter(preferred, command.tree, command.owner.home);
  if (!instead.empty() && !command.quiet)
    std::cerr << "guardctl: the owner may not enter " << escaped(preferred)
              << "; the command runs in " << escaped(instead) << '\n';
  // The message above was the last one in the caller's language.
  auto variables = pointers_to(environment);
  environ = variables.data();
  if (::syscall(SYS_close_range, STDERR_FILENO + 1, UINT_MAX, 0) != 0)
    return fail(Error::from_errno(errno, "close_range"));
  return replace_with(command.command);
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
    (void)fail(Error("only root and " + quote(who) + " can run a command as " + quote(who) +
                     "; try: sudo guardctl exec " + name + " -- …"));
    return kNotPermitted;
  }
  if (!owner->remark.empty() && !options.quiet)
    std::cerr << "guardctl: " << printable(owner->remark) << '\n';
  const OwnerCommand command{*owner, (*policy)->said.paths.front().value, options.command,
                             options.quiet};
  if (self == owner->uid || !has_terminal()) return run(command);
  const auto status = run_on_new_terminal(owner->uid, [&command] { return run(command); });
  return status ? *status : fail(status.error());
}

struct ExecOptions {
  std::string policy;
  bool excuse = false;
  std::string reason;
};

// Fails closed: the command starts only once it is excused, so that it is not denied half way.
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
    return wrong("--excuse applies to all policies: leave out " + quote(asked.policy));
  if (!asked.excuse && !asked.reason.empty()) return wrong("--reason works only with --excuse");
  if (!asked.excuse && asked.policy.empty()) return wrong("exec needs the name of a POLICY");
  if (asked.excuse && asked.reason.empty()) return wrong("exec --excuse needs --reason");
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
