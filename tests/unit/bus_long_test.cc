// Calls that take long: scans and undo.
#include <gmock/gmock.h>

#include "tests/unit/bus_service_fixture.h"
#include "tests/unit/records.h"

namespace guard {
namespace {

using namespace std::chrono_literals;
using testing::BusService;
using ::testing::ElementsAre;
using testing::FakeManager;
using ::testing::HasSubstr;

using BusLongCalls = BusService;

TEST_F(BusLongCalls, ALongCallDoesNotDelayOthers) {
  auto other = *bus::Client::open(bus_.address());
  std::thread waiting([&] { EXPECT_TRUE(other.reload() || ::geteuid() != 0); });
  for (int tries = 0; ::geteuid() == 0 && tries < 200; ++tries) {
    if (house_.ask<bool>([](auto&, FakeManager& m) { return !m.reloader_.empty(); })) break;
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_TRUE(client_.status());
  house_.on_loop([](auto&, FakeManager& manager) {
    for (const auto& reply : manager.reloader_) reply(bus::NoValue());
  });
  waiting.join();
}

TEST_F(BusLongCalls, ListsViolations) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may scan without polkit";
  house_.on_loop([](auto&, FakeManager& manager) { manager.wrong_ = git_violation("/srv/\xff"); });
  const auto wrong = client_.find_wrong("shop", 2);
  ASSERT_TRUE(wrong) << wrong.error().text;
  EXPECT_EQ(wrong->found, 7U);
  ASSERT_EQ(wrong->files.size(), 2U);
  EXPECT_TRUE(bus::find<bus::Bytes>(wrong->files[0], "path_raw"));
}

TEST_F(BusLongCalls, SendsProgressOnlyToTheCaller) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may scan without polkit";
  house_.on_loop([](auto&, FakeManager& manager) {
    manager.progress_ = {{10, 100, 1, 0}, {50, 100, 2, 2}};
  });
  auto other = bus_.connect();
  ASSERT_GE(sd_bus_add_match(other.get(), nullptr, "type='signal'", nullptr, nullptr), 0);
  std::vector<std::uint64_t> heard;
  const auto hear = [&](const bus::ScanNow& now) {
    EXPECT_EQ(now.expected, 100U);
    heard.insert(heard.end(), {now.looked_at, now.found, now.fixed});
  };
  ASSERT_TRUE(client_.scan("shop", true, {hear, -1}));
  EXPECT_THAT(heard, ElementsAre(10, 1, 0, 50, 2, 2));
  heard.clear();
  ASSERT_TRUE(client_.find_wrong("shop", 1, {hear, -1}));
  EXPECT_THAT(heard, ElementsAre(10, 1, 0, 50, 2, 2));
  for (sd_bus_message* raw = nullptr; sd_bus_process(other.get(), &raw) > 0; raw = nullptr) {
    const bus::Message message(raw);
    EXPECT_FALSE(raw && sd_bus_message_is_signal(raw, bus::kManager, "ScanProgress") > 0);
  }
}

TEST_F(BusLongCalls, StopsAScanWhenItsCallerCancels) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may scan without polkit";
  const Fd stop(::eventfd(0, EFD_CLOEXEC));
  // Not before the scan runs: guardd ignores a caller that is gone before it is known.
  const std::jthread cancel([&](const std::stop_token& given_up) {
    while (!house_.ask<bool>([](auto&, FakeManager& m) { return m.scanned_ == "never"; }) &&
           !given_up.stop_requested())
      std::this_thread::sleep_for(1ms);
    (void)::eventfd_write(stop.get(), 1);
  });
  const auto totals = client_.scan("never", false, {{}, stop.get()});
  ASSERT_FALSE(totals);
  EXPECT_EQ(totals.error().kind, bus::Kind::kStopped);
  client_ = *bus::Client::open(bus_.address());
  for (int tries = 0; tries < 200; ++tries) {
    if (house_.ask<bool>([](auto&, FakeManager& m) { return m.stop_.stop_requested(); })) return;
    std::this_thread::sleep_for(10ms);
  }
  FAIL() << "the scan continues although its caller has disconnected";
}

TEST_F(BusLongCalls, ReportsWhatAnUndoRestores) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may undo without polkit";
  house_.on_loop([](auto&, FakeManager& manager) {
    const Ownership from{Uid{33}, Gid{33}, Mode{0640}};
    const Ownership to{Uid{0}, Gid{0}, Mode{0644}};
    manager.undoing_ = {{{"/srv/\xff", {}, {}, "it is gone \xff"}, {"/srv/a", from, to, ""}}, 5, 1};
  });
  const auto undone = client_.undo_files("one", true, 0);
  ASSERT_TRUE(undone) << undone.error().text;
  EXPECT_EQ(undone->restored, 5U);
  EXPECT_EQ(undone->left, 1U);
  ASSERT_EQ(undone->files.size(), 2U);
  EXPECT_TRUE(bus::find<bus::Bytes>(undone->files[0], "path_raw"));
  EXPECT_THAT(*bus::find<std::string>(undone->files[0], "reason"), HasSubstr("it is gone"));
  EXPECT_EQ(*bus::find<std::uint64_t>(undone->files[1], "uid_before"), 33U);
  EXPECT_EQ(*bus::find<std::string>(undone->files[1], "mode_after"), "0644");
  EXPECT_EQ(client_.undo_files("one", false, 1)->files.size(), 1U);
  const auto asked = house_.ask<bus::UndoRequest>([](auto&, FakeManager& m) { return m.undone_; });
  EXPECT_EQ(asked.incident, "one");
  EXPECT_FALSE(asked.dry_run);
  EXPECT_EQ(asked.limit, 1U);
}

TEST_F(BusLongCalls, StopsWorkWhenItsCallerDisconnects) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may scan without polkit";
  {
    auto other = *bus::Client::open(bus_.address());
    other.set_patience({100ms, 100ms, 100ms});
    EXPECT_FALSE(other.scan("never", false));
    EXPECT_FALSE(house_.ask<bool>([](auto&, FakeManager& m) { return m.stop_.stop_requested(); }));
  }
  for (int tries = 0; tries < 200; ++tries) {
    if (house_.ask<bool>([](auto&, FakeManager& m) { return m.stop_.stop_requested(); })) return;
    std::this_thread::sleep_for(10ms);
  }
  FAIL() << "the scan continues although its caller has disconnected";
}

}  // namespace
}  // namespace guard
