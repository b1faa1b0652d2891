// Every line of --log json: the names of the contract, and valid JSON for any file name.
#include "guardd/publish/json_publisher.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

#include <nlohmann/json.hpp>

#include "guardd/publish/incidents.h"
#include "tests/unit/records.h"

namespace guard {
namespace {

using Json = nlohmann::ordered_json;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const Json& schema() {
  static const Json kSchema = [] {
    std::ifstream file(std::string(GUARD_SOURCE_DIR) + "/policy/record/record.schema.json");
    return Json::parse(file);
  }();
  return kSchema;
}

bool has_type(const Json& value, const std::string& type) {
  return (type == "string" && value.is_string()) ||
         (type == "integer" && value.is_number_unsigned()) ||
         (type == "boolean" && value.is_boolean()) || (type == "array" && value.is_array()) ||
         (type == "object" && value.is_object());
}

const Json& resolved(const Json& wanted) {
  if (!wanted.contains("$ref")) return wanted;
  const auto path = wanted["$ref"].get<std::string>();
  return schema()["$defs"][path.substr(path.rfind('/') + 1)];
}

// With those of the schemas that it includes.
Json properties_of(const Json& wanted) {
  auto all = wanted.value("properties", Json::object());
  for (const auto& each : wanted.value("allOf", Json::array()))
    all.update(properties_of(resolved(each)));
  return all;
}

// The part of JSON Schema that our schema uses: names, types and words.
void check(const Json& value, const Json& maybe_reference, const std::string& where) {
  const auto& wanted = resolved(maybe_reference);
  ASSERT_TRUE(has_type(value, wanted["type"])) << where << ": " << value;
  if (wanted.contains("enum")) {
    EXPECT_THAT(wanted["enum"], testing::Contains(value)) << where;
  }
  if (wanted.contains("maximum")) {
    EXPECT_LE(value, wanted["maximum"]) << where;
  }
  if (wanted.contains("required")) {
    for (const auto& name : wanted["required"])
      EXPECT_TRUE(value.contains(name.get<std::string>())) << where << " lacks " << name;
  }
  if (wanted.contains("properties")) {
    const auto properties = properties_of(wanted);
    for (const auto& [name, inner] : value.items()) {
      ASSERT_TRUE(properties.contains(name)) << where << " may not have " << name;
      check(inner, properties[name], where + "." + name);
    }
  }
  if (wanted.contains("items"))
    for (const auto& inner : value) check(inner, wanted["items"], where + "[]");
}

class JsonTest : public testing::Test {
 protected:
  JsonPublisher make(JsonLine::Charset charset = JsonLine::Charset::kUtf8) {
    return {[this](std::string line) { line_ = std::move(line); },
            {"b007", "web1", "feed"},
            charset,
            [] { return moment(); }};
  }
  // The last line, which must match the schema.
  Json parsed() {
    EXPECT_THAT(line_, EndsWith("\n"));
    EXPECT_EQ(line_.find('\n'), line_.size() - 1);
    EXPECT_LE(line_.size(), kLongestJsonLine);
    const auto json = Json::parse(line_);  // rejects invalid UTF-8
    check(json, schema()["$defs"][json["type"].get<std::string>()], json["type"]);
    return json;
  }
  Json of(Violation violation) {
    violation.incident = "012345678";
    make().violation(violation, {});
    return parsed();
  }

  std::string line_;
};

Violation full_violation() {
  auto v = git_violation();
  v.incident = "012345678";
  v.boot_id = "b007";
  v.monotonic_us = 77;
  v.category = "service";
  v.old_path = "/srv/shop/old";
  v.mode_wanted = Mode{0640};
  v.action = Outcome::kSkipped;
  v.reason = "it has more than one name";
  auto& a = v.actor.edit();
  a.tid = 301;
  a.ppid = 200;
  a.cwd = "/srv/shop";
  a.tty = "pts/0";
  a.session = 3;
  a.unit = "session-3.scope";
  a.slice = "user-1000.slice";
  a.cgroup = "/user.slice/user-1000.slice/session-3.scope";
  a.container = "none";
  a.lineage = {process(200, "sudo", "sudo git pull")};
  a.human = "alice";
  a.human_source = "loginuid";
  a.command.cwd = a.cwd.value();
  a.via = {"bash deploy.sh"};
  a.egid = Gid{0};
  a.uid_name = a.euid_name = a.fsuid_name = a.gid_name = a.egid_name = "root";
  v.host = "web1";
  v.machine_id = "feed";
  v.times = ObjectTimes{12, 1795183387250000000, 1795183388250000000, 0};
  v.owner_before = v.group_before = "root";
  v.owner_after = v.group_after = "shop";
  return v;
}

TEST_F(JsonTest, AViolationHasEveryFieldOfTheContract) {
  of(full_violation());
  EXPECT_EQ(
      line_,
      R"({"type":"violation","id":"0123456789","incident":"012345678",)"
      R"("time":"2026-11-20T14:03:07.250000Z","boot_id":"b007","monotonic_us":77,"policy":"shop",)"
      R"("policy_file":"/etc/guardd/policies.d/shop.toml","policy_line":1,"generation":1,)"
      R"("backend":"fanotify","severity":"medium","category":"service","guard":"ownership",)"
      R"("operation":"create","path":"/srv/shop/index.html","old_path":"/srv/shop/old",)"
      R"("device":64769,"inode":131,"file_type":"file","links":1,"uid_before":0,"gid_before":0,)"
      R"("mode_before":"0644","uid_after":4242,"gid_after":4242,"mode_after":"0644",)"
      R"("uid_wanted":4242,"gid_wanted":4242,"mode_wanted":"0640","action":"skipped",)"
      R"("reason":"it has more than one name","pid":300,"tid":301,"start_time":300000,"ppid":200,)"
      R"("comm":"git","exe":"/usr/bin/git","cmdline":"git pull","cwd":"/srv/shop","tty":"pts/0",)"
      R"("uid":0,"euid":0,"fsuid":0,"gid":0,"login_uid":1000,"login_user":"alice","session":3,)"
      R"("unit":"session-3.scope","slice":"user-1000.slice",)"
      R"("cgroup":"/user.slice/user-1000.slice/session-3.scope","container":"none",)"
      R"("lineage":[{"pid":200,"start_time":200000,"comm":"sudo","exe":"/usr/bin/sudo",)"
      R"("cmdline":"sudo git pull"}],"human":"alice","human_source":"loginuid",)"
      R"("command":{"pid":300,"start_time":300000,"comm":"git","exe":"/usr/bin/git",)"
      R"("cmdline":"git pull","cwd":"/srv/shop"},"via":["bash deploy.sh"],"egid":0,)"
      R"("host":"web1","machine_id":"feed","size":12,"mtime":"2026-11-20T14:03:07.250000Z",)"
      R"("ctime":"2026-11-20T14:03:08.250000Z","owner_before":"root","group_before":"root",)"
      R"("owner_after":"shop","group_after":"shop","owner_wanted":"shop","group_wanted":"shop",)"
      R"("uid_name":"root","euid_name":"root","fsuid_name":"root","gid_name":"root",)"
      R"("egid_name":"root"})"
      "\n");
}

TEST_F(JsonTest, DoesNotBuildALineThatWouldBeLost) {
  auto publisher = make();
  bool full = true;
  publisher.check_room([&] { return full; });
  publisher.violation(full_violation(), {});
  EXPECT_EQ(line_, "");
  full = false;
  publisher.violation(full_violation(), {});
  EXPECT_EQ(parsed()["type"], "violation");
}

TEST_F(JsonTest, UnknownFieldsAreAbsent) {
  auto v = git_violation();
  v.actor = {};
  v.before.reset();
  v.after.reset();
  const auto json = of(v);
  for (const auto* name : {"login_uid", "uid", "pid", "uid_before", "mode_after", "mode_wanted",
                           "reason", "old_path", "lineage", "path_raw", "truncated"})
    EXPECT_FALSE(json.contains(name)) << name;
}

TEST_F(JsonTest, HostileNamesAreText) {
  auto v = git_violation("/srv/shop/\xff\n\"\\");
  v.actor.edit().comm = "\xc3";
  v.actor.edit().cmdline = std::string("a\0b\x1b", 4);
  const auto json = of(v);
  EXPECT_EQ(json["path"], R"(/srv/shop/\xff\n"\\)");
  EXPECT_EQ(json["path_raw"], (std::vector<unsigned>{47, 115, 114, 118, 47, 115, 104, 111, 112, 47,
                                                     255, 10, 34, 92}));
  EXPECT_EQ(json["comm"], "\\xc3");
  EXPECT_EQ(json["cmdline"], std::string("a\0b\x1b", 4));

  EXPECT_EQ(of(git_violation("/a\n🐘")).value("path", ""), "/a\n🐘");
}

TEST_F(JsonTest, EscapesTerminalControls) {
  auto v = git_violation("/\x1b[31m\xc2\x9b\xe2\x80\xae🐘\x7f");
  v.incident = "i";
  make(JsonLine::Charset::kAscii).violation(v, {});
  for (const char c : line_) EXPECT_TRUE(c == '\n' || (c >= ' ' && c <= '~'));
  EXPECT_EQ(parsed()["path"], v.path);
}

TEST_F(JsonTest, TheDeepestPathIsComplete) {
  std::string path = "/srv/shop";
  for (int i = 0; i < 60; ++i) path += '/' + std::string(255, '\xfe');
  const auto json = of(git_violation(path));
  EXPECT_FALSE(json.contains("truncated"));
  EXPECT_EQ(json["path_raw"].size(), path.size());
}

TEST_F(JsonTest, EveryLineIsBounded) {
  auto v = full_violation();
  const std::string worst(1'000'000, '\xff');
  v.path = worst;
  v.old_path = worst;
  const std::string controls(1'000'000, '\x01');
  auto& a = v.actor.edit();
  a.exe = a.cwd = worst;
  a.comm = a.cmdline = a.tty = a.login_user = a.unit = a.slice = a.cgroup = a.container = a.human =
      a.human_source = controls;
  v.policy = v.policy_file = v.category = v.reason = controls;
  a.lineage.assign(20, {1, 1, controls, controls, controls, controls});
  const auto json = of(v);
  EXPECT_THAT(json["truncated"], testing::Contains("path"));

  Incident incident;
  incident.first = v;
  incident.shared.set();
  for (const std::size_t i : {1U, 2U, 4U}) incident.shared.reset(i);
  incident.shared.reset(0);
  incident.command = a.lineage.front();
  incident.sample.assign(5, controls);
  make().incident_closed(incident);
  EXPECT_THAT(parsed()["truncated"], testing::Contains("sample"));
}

TEST_F(JsonTest, CutsBetweenCharacters) {
  std::string path = "/";
  while (path.size() < kLongestPath + 10) path += "ß";
  const auto json = of(git_violation(path));
  EXPECT_FALSE(json.contains("path_raw"));
  EXPECT_EQ(json["truncated"], Json({"path"}));
}

TEST_F(JsonTest, AnIncidentHasTheSharedFields) {
  Incidents incidents({}, RecordIds(RecordIds::Length::kIncident));
  auto first = git_violation("/srv/shop/a");
  auto second = git_violation("/srv/shop/b");
  second.time = moment(1'500'000);
  second.object.inode = 132;
  second.action = Outcome::kSkipped;
  auto publisher = make();
  publisher.incident_opened(*incidents.add(first, {}).incident);
  EXPECT_EQ(parsed()["state"], "opened");
  EXPECT_EQ(parsed()["path"], "/srv/shop/a");
  publisher.incident_closed(*incidents.add(second, {}).incident);
  const auto json = parsed();
  EXPECT_THAT(line_, StartsWith(R"({"type":"incident","state":"closed","id":")" + first.incident +
                                R"(","count":2,"first_seen":"2026-11-20T14:03:07.250000Z",)"
                                R"("last_seen":"2026-11-20T14:03:08.750000Z",)"
                                R"("directory":"/srv/shop",)"
                                R"("sample":["/srv/shop/a","/srv/shop/b"],)"
                                R"("totals":{"logged":0,"fixed":1,"denied":0,"skipped":1},)"
                                R"("command":{"pid":300,)"));
  EXPECT_EQ(json["policy"], "shop");
  for (const auto* name : {"path", "inode", "action", "incident", "time"})
    EXPECT_FALSE(json.contains(name)) << name;
}

TEST_F(JsonTest, WritesNewsOfTheDaemon) {
  auto publisher = make();
  publish(publisher, ReadyNews{"0.1.0", Backend::kFanotify, 1, "abc", 1, 2, 0, 3});
  parsed();
  EXPECT_EQ(
      line_,
      R"({"type":"ready","time":"2026-11-20T14:03:07.250000Z","boot_id":"b007",)"
      R"("host":"web1","machine_id":"feed","version":"0.1.0","backend":"fanotify","generation":1,"policy_identity":"abc",)"
      R"("policies":1,"trees":2,"pending":0,"directories":3})"
      "\n");
  publish(publisher, ReloadNews{false, 1, "abc", 1, {"a.toml:1:1: \xff"}});
  EXPECT_EQ(parsed()["errors"], Json({"a.toml:1:1: \\xff"}));
  publish(publisher, HealthNews{Health::kDegraded, "events were lost", {1, 2, 3, 4}});
  EXPECT_EQ(parsed()["lost"], 4);
  publish(publisher, ExcuseNews{false, "maintenance", "alice", "make install", 42});
  EXPECT_EQ(parsed()["state"], "begun");
  publish(publisher, ManualRepairNews{ManualRepairNews::Kind::kFix, "alice", "shop", 3, 1});
  EXPECT_EQ(parsed()["fixed"], 3);
  publish(publisher, ManualRepairNews{ManualRepairNews::Kind::kUndo, "alice", "0c1", 3, 1});
  EXPECT_EQ(parsed()["restored"], 3);
  publish(publisher, StopNews{"SIGTERM", {}});
  EXPECT_EQ(parsed()["reason"], "SIGTERM");
  line_ = JsonPublisher::loss_line(12, moment(), {"b007", "web1", "feed"});
  EXPECT_EQ(parsed()["lost_records"], 12);
}

}  // namespace
}  // namespace guard
