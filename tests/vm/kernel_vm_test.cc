// A GoogleTest program with sanitizers runs in the virtual machine, on the requested kernel.
#include <gtest/gtest.h>
#include <sys/utsname.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace {

TEST(Kernel, IsTheRequestedVersion) {
  const char* const wanted = std::getenv("GUARD_KERNEL");
  ASSERT_NE(wanted, nullptr);
  utsname name{};
  ASSERT_EQ(uname(&name), 0);
  const std::string release = name.release;  // 6.12.90+deb13, or 7.3-amd64 of experimental
  EXPECT_TRUE(release.starts_with(std::string(wanted) + ".") ||
              release.starts_with(std::string(wanted) + "-"))
      << release;
}

TEST(Kernel, HasBpfAmongItsSecurityModules) {
  std::ifstream file("/sys/kernel/security/lsm");
  std::string lsm;
  ASSERT_TRUE(std::getline(file, lsm));
  EXPECT_NE(("," + lsm + ",").find(",bpf,"), std::string::npos) << lsm;
}

}  // namespace
