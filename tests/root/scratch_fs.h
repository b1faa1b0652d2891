// ScratchFs: a file system of its own for a root test, gone with it. It lives in the private mount
// namespace that main.cc made, on a tmpfs that nobody else sees; loop devices end with their mount.
// So nothing is left on the machine even when a test crashes.
//
//   class Notices : public guard::test::ScratchFsTest {};
//   GUARD_ON_EVERY_FS(Notices);
//   TEST_P(Notices, TellOfACreation) { std::ofstream(root() / "file"); ... }
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <ostream>
#include <string>

#include "policy/base/result.h"

namespace guard::test {

enum class FsType { kTmpfs, kExt4, kXfs, kBtrfs };

const char* name_of(FsType type);
std::ostream& operator<<(std::ostream& out, FsType type);

// Why there can be no such file system here, in words for a SKIP; empty when there can.
std::string why_no_scratch_fs(FsType type);

class ScratchFs {
 public:
  static Result<std::unique_ptr<ScratchFs>> make(FsType type);
  ~ScratchFs();

  ScratchFs(const ScratchFs&) = delete;
  ScratchFs& operator=(const ScratchFs&) = delete;

  const std::filesystem::path& root() const { return root_; }

 private:
  explicit ScratchFs(std::filesystem::path root) : root_(std::move(root)) {}

  std::filesystem::path root_;
};

class ScratchFsTest : public testing::TestWithParam<FsType> {
 protected:
  void SetUp() override;

  const std::filesystem::path& root() const { return fs_->root(); }

 private:
  std::unique_ptr<ScratchFs> fs_;
};

}  // namespace guard::test

#define GUARD_ON_EVERY_FS(suite)                                                                   \
  INSTANTIATE_TEST_SUITE_P(On, suite,                                                              \
                           testing::Values(guard::test::FsType::kTmpfs,                            \
                                           guard::test::FsType::kExt4, guard::test::FsType::kXfs), \
                           [](const auto& each) { return guard::test::name_of(each.param); })
// For the suites in which what a file system says of its files counts most.
#define GUARD_ON_BTRFS_TOO(suite)                                                    \
  INSTANTIATE_TEST_SUITE_P(Too, suite, testing::Values(guard::test::FsType::kBtrfs), \
                           [](const auto& each) { return guard::test::name_of(each.param); })
