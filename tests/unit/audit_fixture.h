// An audit trail in a directory of its own, filled as the daemon fills it.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "guardd/audit/export.h"
#include "guardd/audit/reader.h"
#include "guardd/audit/trail.h"
#include "guardd/publish/incidents.h"
#include "guardd/publish/record_id.h"
#include "guardd/state/database.h"
#include "tests/unit/records.h"

namespace guard {

inline std::vector<std::string> paths_in(const std::vector<Violation>& all) {
  std::vector<std::string> paths;
  for (const auto& each : all) paths.push_back(each.path);
  return paths;
}

class AuditTest : public testing::Test {
 protected:
  static constexpr Trail::Limits kRoomy{std::chrono::hours(24 * 365 * 20), std::uint64_t{1} << 40U};

  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "guardd-audit-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string path() const { return (directory_ / "audit.db").string(); }

  std::unique_ptr<Trail> open(Trail::Limits limits = kRoomy) const {
    auto trail = Trail::open(path(), limits);
    EXPECT_TRUE(trail) << trail.error().text();
    return trail ? *std::move(trail) : nullptr;
  }
  std::string rejection() const {
    const auto trail = Trail::open(path(), kRoomy);
    return trail ? "opened" : trail.error().text();
  }
  TrailReader reader() const {
    auto reader = TrailReader::open(path());
    EXPECT_TRUE(reader) << reader.error().text();
    return *std::move(reader);
  }

  // Publishes as the dispatcher does.
  void tell(Publisher& to, Violation violation) {
    violation.id = violation_ids_.next(violation.time);
    const auto change = incidents_.add(violation, now_);
    for (const auto& closed : change.closed) to.incident_closed(*closed);
    if (change.opened) to.incident_opened(*change.incident);
    to.violation(violation, *change.incident);
  }
  void close_all(Publisher& to) {
    for (const auto& closed : incidents_.close_all()) to.incident_closed(*closed);
  }
  static std::vector<Violation> all(TrailReader& reader, const RecordFilter& filter = {}) {
    std::vector<Violation> found;
    const auto done = reader.violations(filter, [&](const Violation& each) {
      found.push_back(each);
      return true;
    });
    EXPECT_TRUE(done) << done.error().text();
    return found;
  }
  std::vector<Violation> all(const RecordFilter& filter = {}) const {
    auto reading = reader();
    auto found = all(reading, filter);
    if (!filter.limit) {
      const auto count = reading.count(filter);
      EXPECT_TRUE(count);
      EXPECT_EQ(*count, found.size());
    }
    return found;
  }
  bool is_newest(std::int64_t micros_after) const {
    RecordFilter newest;
    newest.limit = 1;
    const auto kept = all(newest);
    return !kept.empty() && kept.front().time == moment(micros_after);
  }
  // Changes while the trail is trimmed.
  std::int64_t rows() const {
    auto database = Database::open_to_read(path());
    if (!database) return 0;
    const auto count = database->number("SELECT count(*) FROM violations");
    return count ? *count : 0;
  }
  // Nothing is trimmed any longer.
  bool is_at_rest() const {
    std::int64_t before = -1;
    return eventually([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
      const auto now = rows();
      return std::exchange(before, now) == now;
    });
  }
  std::vector<TrailIncident> incidents(const RecordFilter& filter = {}) const {
    std::vector<TrailIncident> found;
    const auto done = reader().incidents(filter, [&](const TrailIncident& each) {
      found.push_back(each);
      return true;
    });
    EXPECT_TRUE(done) << done.error().text();
    return found;
  }
  template <typename Export>
  std::string exported(Export write, const RecordFilter& filter = {}) const {
    std::string text;
    auto reading = reader();
    EXPECT_TRUE(write(reading, filter, [&](std::string_view line) {
      text += line;
      return true;
    }));
    return text;
  }

  // Waits for another thread.
  template <typename Condition>
  static bool eventually(Condition condition) {
    for (int i = 0; i < 500; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }

  std::filesystem::path directory_;
  RecordIds violation_ids_{RecordIds::Length::kViolation};
  Incidents incidents_{{}, RecordIds(RecordIds::Length::kIncident)};
  Incidents::Clock::time_point now_ = Incidents::Clock::now();
};

}  // namespace guard
