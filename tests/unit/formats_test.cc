// Violations in the formats of log servers, read back as these formats say.
#include "guardd/audit/formats/formats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "tests/unit/records.h"

namespace guard {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// The names of files and commands are other users'.
const std::string kHostile = "/srv/a|b=c]d\"e\\f\ng\r<&>\xff\x1b[31m \u202e ü";
const std::string kHostileEscaped = R"(/srv/a|b=c]d"e\\f\ng\r<&>\xff\x1b[31m \u202e ü)";

Violation hostile() {
  auto violation = git_violation(kHostile);
  violation.severity = Severity::kHigh;
  violation.action = Outcome::kSkipped;
  violation.reason = "it has another name";
  violation.actor.edit().cmdline = "touch x=1 act=fixed\nCEF:0|evil";
  violation.incident = "1p5bty608";
  return violation;
}

const FormatContext kContext{"server", "1.0|x"};

std::string line_of(FormatLine format) {
  const auto line = format(hostile(), kContext);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_TRUE(line.ends_with('\n'));
  return line.substr(0, line.size() - 1);
}

// ---- CEF, as its specification says

std::vector<std::string> header_of(std::string_view line, std::string_view& rest) {
  std::vector<std::string> fields(1);
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size()) {
      fields.back() += line[++i];
    } else if (line[i] == '|') {
      if (fields.size() == 7) {
        rest = line.substr(i + 1);
        return fields;
      }
      fields.emplace_back();
    } else {
      fields.back() += line[i];
    }
  }
  return fields;
}

// A key is a word before a "=" without a backslash, after a space.
std::map<std::string, std::string> extension_of(std::string_view text) {
  std::map<std::string, std::string> values;
  std::string key;
  std::string value;
  const auto end_value = [&] {
    if (!key.empty()) values[key] = value;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      value += text[++i];
    } else if (text[i] == '=') {
      const auto space = value.rfind(' ');
      const auto next = value.substr(space == std::string::npos ? 0 : space + 1);
      value.resize(space == std::string::npos ? 0 : space);
      end_value();
      key = next;
      value.clear();
    } else {
      value += text[i];
    }
  }
  end_value();
  return values;
}

TEST(Formats, CefHasItsHeaderAndExtension) {
  const auto line = line_of(cef_line);
  std::string_view rest;
  const auto header = header_of(line, rest);
  EXPECT_EQ(header,
            (std::vector<std::string>{"CEF:0", "guardd", "guardd", "1.0|x", "ownership-create",
                                      "Violation of ownership: create", "8"}));
  const auto values = extension_of(rest);
  EXPECT_EQ(values.at("filePath"), kHostileEscaped);
  EXPECT_EQ(values.at("act"), "skipped");
  EXPECT_EQ(values.at("cs1"), "shop");
  EXPECT_EQ(values.at("cs1Label"), "policy");
  EXPECT_EQ(values.at("cs2"), "1p5bty608");
  EXPECT_EQ(values.at("cs3"), R"(touch x=1 act=fixed\nCEF:0|evil)");
  EXPECT_EQ(values.at("cn1"), "0");
  EXPECT_EQ(values.at("cn1Label"), "uid_before");
  EXPECT_EQ(values.at("suser"), "alice");
  EXPECT_EQ(values.at("duser"), "shop");
  EXPECT_EQ(values.at("duid"), "4242");
  EXPECT_EQ(values.at("dvchost"), "server");
  EXPECT_EQ(values.at("rt"), "1795183387250");
  EXPECT_THAT(values.at("msg"), HasSubstr("guardd did not fix it"));
}

// ---- RFC 5424

TEST(Formats, Rfc5424HasItsStructuredData) {
  const auto line = line_of(rfc5424_line);
  EXPECT_THAT(line, StartsWith("<83>1 2026-11-20T14:03:07.250000Z server guardd - violation "
                               "[guardd@32473 id=\"0123456789\" incident=\"1p5bty608\" "));
  std::map<std::string, std::string> values;
  auto at = line.find(' ', line.find('[')) + 1;
  while (line[at] != ']') {
    const auto equals = line.find('=', at);
    auto& value = values[line.substr(at, equals - at)];
    ASSERT_EQ(line[equals + 1], '"');
    for (at = equals + 2; line[at] != '"'; ++at) {
      if (line[at] == '\\') ++at;
      value += line[at];
    }
    ++at;
    if (line[at] == ' ') ++at;
  }
  EXPECT_EQ(values["path"], kHostileEscaped);
  EXPECT_EQ(values["cmdline"], R"(touch x=1 act=fixed\nCEF:0|evil)");
  EXPECT_EQ(values["action"], "skipped");
  EXPECT_EQ(values["uid_wanted"], "4242");
  EXPECT_EQ(values["severity"], "high");
  EXPECT_THAT(line.substr(at), StartsWith("] alice"));
}

TEST(Formats, Rfc5424HasNoHostIfItsNameIsNone) {
  EXPECT_THAT(rfc5424_line(hostile(), {"a b", ""}), HasSubstr("Z - guardd - violation ["));
  EXPECT_THAT(rfc5424_line(hostile(), {"", ""}), HasSubstr("Z - guardd - violation ["));
}

// ---- ECS

TEST(Formats, EcsIsNestedJson) {
  const auto json = nlohmann::json::parse(line_of(ecs_line));
  EXPECT_EQ(json["@timestamp"], "2026-11-20T14:03:07.250000Z");
  EXPECT_EQ(json["ecs"]["version"], "8.11.0");
  EXPECT_EQ(json["event"]["category"], nlohmann::json::array({"file"}));
  EXPECT_EQ(json["event"]["type"], nlohmann::json::array({"creation"}));
  EXPECT_EQ(json["event"]["outcome"], "success");
  EXPECT_EQ(json["event"]["severity"], 3);
  EXPECT_EQ(json["host"]["name"], "server");
  EXPECT_EQ(json["file"]["path"], kHostileEscaped);
  EXPECT_EQ(json["file"]["uid"], "0");
  EXPECT_EQ(json["process"]["pid"], 300);
  EXPECT_EQ(json["process"]["command_line"], R"(touch x=1 act=fixed\nCEF:0|evil)");
  EXPECT_EQ(json["rule"]["name"], "shop");
  EXPECT_EQ(json["related"]["user"], nlohmann::json::array({"alice"}));
  EXPECT_EQ(json["guardd"]["action"], "skipped");
  EXPECT_EQ(json["guardd"]["uid_wanted"], "4242");
}

TEST(Formats, ADenialFailed) {
  auto violation = hostile();
  violation.action = Outcome::kDenied;
  violation.operation = Operation::kUnlink;
  const auto json = nlohmann::json::parse(ecs_line(violation, kContext));
  EXPECT_EQ(json["event"]["outcome"], "failure");
  EXPECT_EQ(json["event"]["type"], nlohmann::json::array({"deletion", "denied"}));
}

TEST(Formats, LongValuesAreCutBetweenCharacters) {
  auto violation = hostile();
  violation.path = "/";
  for (int i = 0; i < 50'000; ++i) violation.path += "ü";
  for (const auto format : {cef_line, rfc5424_line, ecs_line}) {
    const auto line = format(violation, kContext);
    EXPECT_LT(line.size(), 40'000U);
    EXPECT_TRUE(nlohmann::json(line).dump().size() > 100);  // it is UTF-8
  }
}

}  // namespace
}  // namespace guard
