#include "policy/base/result.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

#include "policy/base/handle.h"

namespace guard {
namespace {

Result<std::unique_ptr<int>> half(int number) {
  if (number % 2 != 0) return Error("odd", EINVAL);
  return std::make_unique<int>(number / 2);
}

Result<int> quarter(int number) {
  GUARD_TRY(const auto first, half(number));
  GUARD_TRY(const auto second, half(*first));
  return *second;
}

Status check_quarter(int number) {
  GUARD_CHECK(quarter(number));
  return {};
}

TEST(Result, CarriesValuesThatOnlyMove) {
  EXPECT_EQ(**half(8), 4);
}

TEST(Result, TryReturnsErrorsAndPassesValuesOn) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_FALSE(quarter(6));
  EXPECT_TRUE(check_quarter(8));
  EXPECT_EQ(check_quarter(6).error().code(), EINVAL);
}

TEST(Result, ContextReadsFromIntentionToCause) {
  auto error = Error::from_errno(EACCES, "open").context("/etc/x").context("load policies");
  EXPECT_EQ(error.text(), "load policies: /etc/x: open: Permission denied");
  EXPECT_EQ(error.code(), EACCES);
}

TEST(Fd, ClosesOnceAndSurvivesSelfMove) {
  const int raw = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(raw, 0);
  {
    Fd fd(raw);
    auto& same = fd;
    fd = std::move(same);
    EXPECT_EQ(fd.get(), raw);
    Fd other = std::move(fd);
    EXPECT_FALSE(
        fd);  // NOLINT(bugprone-use-after-move): empty after a move is part of the contract
    EXPECT_EQ(other.get(), raw);
  }
  EXPECT_EQ(::fcntl(raw, F_GETFD), -1);
}

TEST(Fd, AssigningClosesThePreviousDescriptor) {
  const int raw = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  Fd fd(raw);
  fd = Fd();
  EXPECT_EQ(::fcntl(raw, F_GETFD), -1);
}

}  // namespace
}  // namespace guard
