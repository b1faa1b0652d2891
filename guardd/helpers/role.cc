#include "guardd/helpers/role.h"

#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include <cap-ng.h>

#include "policy/base/handle.h"

namespace guard {
namespace {

// Memory, time, signals, the channel, and the end. A call that is missing fails with EPERM: a C
// library or an NSS module that tries something newer goes on with something older.
constexpr std::array kCommonCalls{
    SCMP_SYS(brk),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(close),
    SCMP_SYS(dup),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(fcntl),
    SCMP_SYS(fstat),
    SCMP_SYS(futex),
    SCMP_SYS(getegid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getpid),
    SCMP_SYS(getrandom),
    SCMP_SYS(gettid),
    SCMP_SYS(getuid),
    SCMP_SYS(lseek),
    SCMP_SYS(madvise),
    SCMP_SYS(mmap),
    SCMP_SYS(mprotect),
    SCMP_SYS(mremap),
    SCMP_SYS(munmap),
    SCMP_SYS(nanosleep),
    SCMP_SYS(newfstatat),
    SCMP_SYS(openat),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(pread64),
    SCMP_SYS(prlimit64),
    SCMP_SYS(read),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(recvmsg),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(statx),
    SCMP_SYS(tgkill),
    SCMP_SYS(write),
    SCMP_SYS(writev),
#ifdef __SANITIZE_ADDRESS__  // it looks through a pipe whether memory can be read
    SCMP_SYS(pipe),
    SCMP_SYS(pipe2),
#endif
};

Status keep_only(std::span<const int> capabilities) {
  capng_clear(CAPNG_SELECT_BOTH);
  for (const int capability : capabilities)
    (void)capng_update(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED),
                       static_cast<unsigned>(capability));
  if (capng_apply(CAPNG_SELECT_CAPS) != 0) return Error("cannot drop capabilities");
  return {};
}

Status allow_only(std::span<const int> calls) {
  const Handle<void, seccomp_release> filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (!filter) return Error("cannot make a system call filter");
  const auto allow = [&](int call) {
    // A call that this processor does not have is none that could be used.
    const int code = seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0);
    return code == 0 || code == -EDOM || code == -EOPNOTSUPP;
  };
  if (!std::all_of(kCommonCalls.begin(), kCommonCalls.end(), allow) ||
      !std::all_of(calls.begin(), calls.end(), allow))
    return Error("cannot allow a system call");
  if (const int code = seccomp_load(filter.get()); code != 0)
    return Error::from_errno(-code, "load the system call filter");
  return {};
}

// guardd ends helpers by closing the channel or with SIGKILL. The signals of a stop are for guardd
// alone, which may still want an answer.
void ignore_signals_of_a_stop() {
  for (const int each : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) (void)std::signal(each, SIG_IGN);
}

Status limit_rights(const HelperRole& role) {
  (void)::prctl(PR_SET_NAME, role.name);
  (void)::prctl(PR_SET_DUMPABLE, 0);  // a core dump would hold up its end
  rlimit descriptors{};
  (void)::getrlimit(RLIMIT_NOFILE, &descriptors);
  descriptors.rlim_max = std::min(descriptors.rlim_max, role.most_descriptors);
  descriptors.rlim_cur = descriptors.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &descriptors);
  GUARD_CHECK(keep_only(role.capabilities));
  return allow_only(role.calls);
}

void serve(const AnswerQuestion& answer) {
  for (;;) {
    const auto question = receive_record(kHelperSocket, Patience::kForever);
    if (!question) return;
    const auto send = [&](std::string contents, bool is_last) {
      const HelperRecord part{(*question)->number, (*question)->kind, is_last, std::move(contents)};
      if (!send_record(kHelperSocket, part, Patience::kForever)) std::_Exit(EXIT_SUCCESS);
    };
    answer(**question, send);
  }
}

}  // namespace

int run_as_helper(const HelperRole& role, const std::function<void()>& work) {
  int type = 0;
  socklen_t size = sizeof type;
  if (::getsockopt(kHelperSocket, SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
      type != SOCK_SEQPACKET) {
    std::cerr << role.name << ": only guardd starts this\n";
    return EXIT_FAILURE;
  }
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ignore_signals_of_a_stop();
  if (const auto limited = limit_rights(role); !limited) {
    std::cerr << role.name << ": " << limited.error().text() << '\n';
    return EXIT_FAILURE;
  }
  if (send_record(kHelperSocket, {kReadyNumber, 0, true, {}}, Patience::kForever)) work();
  // Nothing of this process is worth being cleaned up, and guardd may be gone.
  std::_Exit(EXIT_SUCCESS);
}

int serve_as_helper(const HelperRole& role, const AnswerQuestion& answer) {
  return run_as_helper(role, [&] { serve(answer); });
}

}  // namespace guard
