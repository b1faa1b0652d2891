// The list of incidents as guardctl prints it: it fits 80 columns, and says when there are more.
#include "guardd/ctl/text/incident_text.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <sstream>

namespace guard::ctl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::uint64_t kMany = 1'234'567;

bus::Value text(std::string value) {
  return {.held = std::move(value)};
}

bus::Value number(std::uint64_t value) {
  return {.held = value};
}

bus::Map incident(const std::string& policy, const std::string& command) {
  return {
      {.name = "id", .value = text("5GZ3KQX9A")},
      {.name = "policy", .value = text(policy)},
      {.name = "last_seen", .value = text("2026-11-29T03:15:00.000000Z")},
      {.name = "login_user", .value = text("alice-of-the-long-names")},
      {.name = "fsuid_name", .value = text("root")},
      {.name = "command", .value = {.held = bus::Map{{.name = "cmdline", .value = text(command)}}}},
      {.name = "totals",
       .value = {.held = bus::Map{{.name = "fixed", .value = number(kMany)},
                                  {.name = "denied", .value = number(kMany)},
                                  {.name = "logged", .value = number(kMany)},
                                  {.name = "skipped", .value = number(kMany)}}}},
  };
}

// Each character takes one column.
void expect_fits(const std::string& printed) {
  std::istringstream lines(printed);
  for (std::string line; std::getline(lines, line);) {
    const auto width =
        std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; });
    EXPECT_LE(width, 80) << line;
  }
}

TEST(IncidentsText, FitsEightyColumns) {
  const std::string wide_name(64, 'p');
  const std::vector<bus::Map> incidents{
      incident("shop", "cp a b"),
      incident(wide_name, "rsync -a " + std::string(3'000, 'x')),
      incident("ünïcödé-" + wide_name,
               "cp 文件文件文件文件文件文件文件文件文件文件文件文件文件文件文件文件文件文件文件"),
      incident("shop", "cp \x1b[31m\n\xff" + std::string(200, '\n')),
  };
  expect_fits(incidents_text(Terminal(), incidents, true));
  for (const auto& one : incidents) expect_fits(incidents_text(Terminal(), {one}, false));
}

TEST(IncidentsText, SaysWhetherThereAreMore) {
  const std::vector<bus::Map> one{incident("shop", "cp a b")};
  EXPECT_THAT(incidents_text(Terminal(), one, false), HasSubstr("There are more: use --limit"));
  EXPECT_THAT(incidents_text(Terminal(), one, true), Not(HasSubstr("There are more")));
  EXPECT_EQ(incidents_text(Terminal(), {}, true), "No incidents.\n");
}

}  // namespace
}  // namespace guard::ctl
