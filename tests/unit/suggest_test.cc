// The readers of suggest and doctor: words and lines, unit files with drop-ins and aliases,
// specifiers, and the configurations of servers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "guardd/ctl/machine/config_lines.h"
#include "guardd/ctl/machine/unit_files.h"
#include "guardd/ctl/suggest/servers.h"
#include "guardd/ctl/suggest/service.h"
#include "guardd/ctl/suggest/specifiers.h"
#include "tests/unit/fakes.h"

namespace guard::suggest {
namespace {

using machine::configured;
using machine::UnitFiles;
using machine::words_of;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::TemporaryDirectory;
using ::testing::UnorderedElementsAre;

using Texts = std::vector<std::string>;

TEST(SuggestWords, AreSplitAsSystemdDoes) {
  EXPECT_EQ(words_of(""), Texts{});
  EXPECT_EQ(words_of("  a\tb  "), (Texts{"a", "b"}));
  EXPECT_EQ(words_of(R"("a b" 'c "d"' e"f g"h)"), (Texts{"a b", "c \"d\"", "ef gh"}));
  EXPECT_EQ(words_of(R"(a\x20b \101 c\sd \\ \q)"), (Texts{"a b", "A", "c d", "\\", "\\q"}));
  EXPECT_EQ(words_of(R"("" '')"), (Texts{"", ""}));
  EXPECT_EQ(words_of(R"(\x4)"), Texts{"\\x4"});
  EXPECT_EQ(words_of("a \"b"), Texts{});
  EXPECT_EQ(words_of("end\\"), Texts{"end\\"});
}

TEST(SuggestWords, ConfigurationsOfManyFormatsAreRead) {
  EXPECT_EQ(configured("user www-data;\nworker 1;", "user"), "www-data");
  EXPECT_EQ(configured("data_directory = '/a b'\t# why", "data_directory"), "/a b");
  EXPECT_EQ(configured("#datadir = /no\ndatadir=/yes", "datadir"), "/yes");
  EXPECT_EQ(configured("storage:\n  dbPath: /var/lib/mongodb\n", "dbPath"), "/var/lib/mongodb");
  EXPECT_EQ(configured("export APACHE_RUN_USER=web\n", "APACHE_RUN_USER"), "web");
  EXPECT_EQ(configured("dir /a\ndir /b\n", "dir"), "/b");
  EXPECT_EQ(configured("directory /a\n", "dir"), std::nullopt);
  EXPECT_EQ(configured("dir\n", "dir"), std::nullopt);
  EXPECT_EQ(configured("dir '/a\n", "dir"), std::nullopt);
  EXPECT_EQ(configured("", "dir"), std::nullopt);
}

// A machine in a directory that the test fills.
class SuggestUnits : public ::testing::Test {
 protected:
  void write(const std::string& path, std::string_view text) {
    there_.directory(path.substr(1, path.rfind('/') - 1));
    there_.write(path.substr(1), text);
  }
  void link(const std::string& path, const std::string& target) {
    there_.directory(path.substr(1, path.rfind('/') - 1));
    std::filesystem::create_symlink(target, there_ / path.substr(1));
  }
  void unit(const std::string& name, std::string_view text) {
    write("/usr/lib/systemd/system/" + name, text);
  }
  Machine machine() {
    write("/etc/passwd",
          "root:x:0:0::/root:/bin/sh\nshop:x:1001:1002::/:/bin/sh\nbroken\n"
          "postgres:x:70:70::/:/bin/sh\nwww-data:x:33:33::/:/bin/sh\n");
    write("/etc/group", "root:x:0:\nshop:x:1002:\n");
    auto machine = Machine::open(there_ / "");
    EXPECT_TRUE(machine);
    return *std::move(machine);
  }
  Unit loaded(const std::string& name) {
    const auto here = machine();
    auto unit = UnitFiles(here).load(name);
    EXPECT_TRUE(unit) << unit.error().text();
    return unit ? *std::move(unit) : Unit(name);
  }
  std::string load_error(const std::string& name) {
    const auto here = machine();
    const auto unit = UnitFiles(here).load(name);
    return unit ? "" : unit.error().text();
  }
  Service service(const std::string& name) {
    const auto unit = loaded(name);
    const auto here = machine();
    auto service = service_of(unit, here);
    add_server(service, here);
    return service;
  }
  static Texts paths(const Service& service) {
    Texts paths;
    for (const auto& place : service.places) paths.push_back(place.path);
    return paths;
  }

  TemporaryDirectory there_;
};

TEST_F(SuggestUnits, LinesAreJoinedAndEmptyValuesClear) {
  unit("a.service",
       "\xef\xbb\xbf; comment\n[Unit]\nUser=no\n[Service]\n  User = shop  \n"
       "StateDirectory=a \\\n# between\n  b\nStateDirectory=\nStateDirectory=c \\\n d\n"
       "ReadWritePaths=/x\nnonsense\n[Service\nGroup=");
  const auto a = loaded("a.service");
  EXPECT_EQ(a.value("Service", "User"), "shop");
  EXPECT_THAT(a.values("Service", "StateDirectory"), ElementsAre("c  d"));
  EXPECT_EQ(a.value("Service", "Group"), "");
}

TEST_F(SuggestUnits, TheStrongestFileAndAllDropInsCount) {
  unit("a-b.service", "[Service]\nUser=weak\n");
  write("/etc/systemd/system/a-b.service", "[Service]\nUser=strong\nStateDirectory=a\n");
  write("/usr/lib/systemd/system/a-b.service.d/10.conf", "[Service]\nStateDirectory=masked\n");
  write("/etc/systemd/system/a-b.service.d/10.conf", "[Service]\nStateDirectory=b\n");
  write("/run/systemd/system/a-.service.d/20.conf", "[Service]\nStateDirectory=c\n");
  write("/etc/systemd/system/service.d/30.conf", "[Service]\nGroup=all\n");
  write("/etc/systemd/system/a-b.service.d/ignored", "[Service]\nUser=no\n");
  link("/etc/systemd/system/a-b.service.d/40.conf", "/dev/null");
  const auto unit = loaded("a-b.service");
  EXPECT_EQ(unit.value("Service", "User"), "strong");
  EXPECT_EQ(unit.value("Service", "Group"), "all");
  EXPECT_THAT(unit.values("Service", "StateDirectory"), ElementsAre("a", "b", "c"));
}

TEST_F(SuggestUnits, InstancesAliasesAndMasks) {
  unit("db@.service", "[Service]\nUser=%i\n");
  unit("db@special.service", "[Service]\nUser=special\n");
  write("/etc/systemd/system/db@.service.d/x.conf", "[Service]\nGroup=all\n");
  link("/etc/systemd/system/database.service", "/usr/lib/systemd/system/db@.service");
  link("/etc/systemd/system/alias.service", "db@one.service");
  link("/etc/systemd/system/gone.service", "/dev/null");
  unit("empty.service", "\n");
  link("/etc/systemd/system/loop.service", "loop2.service");
  link("/etc/systemd/system/loop2.service", "loop.service");
  link("/etc/systemd/system/elsewhere.service", "/opt/x/elsewhere.service");
  write("/opt/x/elsewhere.service", "[Service]\nUser=x\n");

  EXPECT_EQ(loaded("db@one.service").value("Service", "User"), "%i");
  EXPECT_EQ(loaded("db@one.service").value("Service", "Group"), "all");
  EXPECT_EQ(loaded("db@special.service").value("Service", "User"), "special");
  EXPECT_EQ(loaded("alias.service").name(), "db@one.service");
  EXPECT_EQ(loaded("elsewhere.service").value("Service", "User"), "x");
  EXPECT_THAT(load_error("gone.service"), ::testing::HasSubstr("is masked"));
  EXPECT_THAT(load_error("empty.service"), ::testing::HasSubstr("is masked"));
  EXPECT_THAT(load_error("none.service"), ::testing::HasSubstr("there is no unit"));
  EXPECT_NE(load_error("loop.service"), "");
  EXPECT_NE(load_error("../../../etc/passwd.service"), "");
}

TEST_F(SuggestUnits, WantedUnitsAreEnabled) {
  link("/etc/systemd/system/multi-user.target.wants/a.service", "/x");
  link("/usr/lib/systemd/system/b.target.requires/b@1.service", "/x");
  link("/etc/systemd/system/timers.target.wants/c.timer", "/x");
  write("/etc/systemd/system/d.service", "");
  const auto here = machine();
  EXPECT_THAT(UnitFiles(here).enabled(),
              UnorderedElementsAre("a.service", "b@1.service", "c.service"));
  EXPECT_THAT(UnitFiles(here).running(), IsEmpty());
}

TEST_F(SuggestUnits, SpecifiersAreExpandedAsSystemdDoes) {
  write("/etc/machine-id", "abc\n");
  const auto here = machine();
  const std::string unit = "a-b@c-d\\x2de.service";
  const auto is = [&](std::string_view text) { return expanded(text, unit, here).value_or("?"); };
  EXPECT_EQ(is("%n"), unit);
  EXPECT_EQ(is("%N"), "a-b@c-d\\x2de");
  EXPECT_EQ(is("%p|%P|%j"), "a-b|a/b|b");
  EXPECT_EQ(is("%i|%I"), "c-d\\x2de|c/d-e");
  EXPECT_EQ(is("%f"), "/c/d-e");
  EXPECT_EQ(is("%S%C%L%t%E"), "/var/lib/var/cache/var/log/run/etc");
  EXPECT_EQ(is("%h %u %U %%"), "/root root 0 %");
  EXPECT_EQ(is("%m"), "abc");
  EXPECT_EQ(is("%H"), "?");  // without /etc/hostname
  EXPECT_EQ(is("%Y"), "?");
  EXPECT_EQ(is("100%"), "100%");
}

TEST_F(SuggestUnits, DirectoriesOfAService) {
  unit(
      "a@.service",
      "[Service]\nUser=shop\nStateDirectory=%p/%i a:link\nCacheDirectory=\"b c\"\nLogsDirectory=l\n"
      "RuntimeDirectory=r\nWorkingDirectory=-/srv/%i\nReadWritePaths=/w -/v +/u relative\n");
  const auto a = service("a@1.service");
  EXPECT_EQ(a.user, "shop");
  EXPECT_THAT(paths(a), ElementsAre("/var/lib/a/1", "/var/lib/a", "/var/cache/b c", "/var/log/l",
                                    "/srv/1", "/w", "/v", "/u"));
  EXPECT_TRUE(a.places[0].given);
  EXPECT_FALSE(a.places[4].given);
  ASSERT_EQ(a.left_out.size(), 1U);
  EXPECT_EQ(a.left_out[0].what, "/run/r");

  unit("b.service", "[Service]\nUser=root\nDynamicUser=yes\nStateDirectory=%Y\n");
  const auto b = service("b.service");
  EXPECT_EQ(b.user, "");
  EXPECT_TRUE(b.is_dynamic);
  EXPECT_THAT(paths(b), IsEmpty());
  EXPECT_EQ(b.left_out.size(), 1U);
}

TEST_F(SuggestUnits, CommandsUseTheirEnvironment) {
  write("/etc/default/a", "# no\nARGS=\"--x '1 2'\"\nDATA_DIR=/file\n");
  unit("a.service",
       "[Service]\nEnvironment=\"DATA_DIR=/unit\" B=b\nEnvironmentFile=-/etc/default/a\n"
       "EnvironmentFile=-/none\nExecStart=-@/bin/x argv0 $ARGS ${DATA_DIR}/${B}${C} ; /bin/y\n");
  const auto a = service("a.service");
  ASSERT_EQ(a.commands.size(), 2U);
  EXPECT_THAT(a.commands[0], ElementsAre("/bin/x", "--x", "1 2", "/file/b"));
  EXPECT_THAT(a.commands[1], ElementsAre("/bin/y"));
}

TEST_F(SuggestUnits, ServersNameTheirDataDirectories) {
  unit("postgresql@.service", "[Service]\nExecStart=-/usr/bin/pg_ctlcluster %i start\n");
  write("/etc/postgresql/15/main/postgresql.conf", "data_directory = '/data/15'  # x\n");
  const auto postgres = service("postgresql@15-main.service");
  EXPECT_EQ(postgres.user, "postgres");
  EXPECT_THAT(paths(postgres), ElementsAre("/data/15", "/var/log/postgresql"));
  const auto here = machine();
  EXPECT_THAT(server_instances(here), ElementsAre("postgresql@15-main.service"));

  unit("nginx.service", "[Service]\nExecStart=/usr/sbin/nginx -g 'daemon on;'\n");
  write("/etc/nginx/nginx.conf", "user shop other;\naccess_log /logs/a.log main;\n");
  const auto nginx = service("nginx.service");
  EXPECT_EQ(nginx.user, "shop");
  EXPECT_THAT(paths(nginx), ::testing::Contains("/logs"));

  unit("nginx2.service", "[Service]\nExecStart=/usr/sbin/nginx -c /etc/nginx/two.conf\n");
  write("/etc/nginx/two.conf", "user nobody-here;\n");
  EXPECT_EQ(service("nginx2.service").user, "www-data");

  unit("redis.service", "[Service]\nUser=shop\nExecStart=/bin/redis-server /etc/redis/r.conf\n");
  write("/etc/redis/r.conf", "dir /redis\nlogfile /redis-log/x.log\n");
  EXPECT_THAT(paths(service("redis.service")), ElementsAre("/redis", "/redis-log"));

  unit("prom.service",
       "[Service]\nUser=shop\nExecStart=/usr/bin/prometheus --storage.tsdb.path /tsdb\n");
  EXPECT_THAT(paths(service("prom.service")), ElementsAre("/tsdb", "/var/lib/prometheus"));

  unit("maria.service",
       "[Service]\nUser=shop\nExecStart=/bin/sh -c \"[ -e /x ] || VAR=`/y`; \\\n"
       " exec /usr/sbin/mariadbd --datadir=/maria $OPTS\"\n");
  EXPECT_THAT(paths(service("maria.service")), ::testing::Contains("/maria"));

  unit("own.service", "[Service]\nUser=shop\nExecStart=/opt/own --data-dir=/own --data rel\n");
  EXPECT_THAT(paths(service("own.service")), ElementsAre("/own"));
}

// None of these files may crash or block guardctl, or lead out of the machine.
TEST_F(SuggestUnits, HostileFiles) {
  unit("a.service", std::string("[Service]\nUser=") + '\0' + "shop\nExecStart=\\\n" +
                        std::string(100'000, '\\') + "\n=\n==\n[]\nStateDirectory=%");
  (void)service("a.service");
  unit("b.service", "[Service]\nExecStart=\"unclosed\nStateDirectory='x\nUser=shop\n");
  EXPECT_THAT(paths(service("b.service")), IsEmpty());
  ASSERT_EQ(::mkfifo((there_ / "etc/fifo").c_str(), 0600), 0);
  unit("c.service", "[Service]\nEnvironmentFile=/etc/fifo\n");
  EXPECT_THAT(service("c.service").environment, IsEmpty());
  link("/etc/systemd/system/out.service", "/../../../../../../etc/passwd");
  (void)load_error("out.service");
  const auto here = machine();
  link("/x/escape", "../../../../../../..");
  EXPECT_EQ(here.real_path("/x/escape/etc/passwd"), "/etc/passwd");
  EXPECT_FALSE(here.text("/usr"));
}

}  // namespace
}  // namespace guard::suggest
