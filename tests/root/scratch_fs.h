// ScratchFs: a file system of a root test's own, in the private mount namespace that main.cc
// creates, on a tmpfs that no other process sees. Loop devices end with their mount, so nothing is
// left on the machine even if a test crashes.
//
//   class Notices : public guard::test::ScratchFsTest {};
//   GUARD_ON_EVERY_FS(Notices);
//   TEST_P(Notices, ReportACreation) { std::ofstream(root() / "file"); ... }
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

// Why this file system is not available here, for GTEST_SKIP; empty if it is.
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
// For suites that depend most on what a file system records about its files.
#define GUARD_ON_BTRFS_TOO(suite)                                                    \
  INSTANTIATE_TEST_SUITE_P(Too, suite, testing::Values(guard::test::FsType::kBtrfs), \
                           [](const auto& each) { return guard::test::name_of(each.param); })
