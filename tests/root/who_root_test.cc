// Who a process was, on this machine's kernel and in a process namespace of its own.
#include <filesystem>

#include "tests/root/who_cases.h"

namespace guard::test {
namespace {

TEST_F(Who, WithoutATracerOnlyThoseAreKnownWhoLive) {
  ProcessesOptions options;
  options.tracer = false;
  Processes who(options);
  EXPECT_EQ(who.fd(), -1);
  const auto found = who.find(run({"touch", "/tmp"}));
  EXPECT_FALSE(found->known());
  EXPECT_FALSE(found->actor().cmdline);
  const auto self = who.find(::getpid());
  EXPECT_EQ(self->actor().exe, std::filesystem::read_symlink("/proc/self/exe"));
  EXPECT_EQ(self->actor().ppid, ::getppid());
  EXPECT_EQ(self->actor().fsuid, kRoot);
}

}  // namespace
}  // namespace guard::test
