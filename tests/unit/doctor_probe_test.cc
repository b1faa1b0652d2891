// The file with which doctor proves a policy, the prediction of what guardd does about it, and the
// listener for what guardd reports.

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "guardd/ctl/doctor/bus_listener.h"
#include "guardd/ctl/doctor/forecast.h"
#include "guardd/ctl/doctor/probe_file.h"
#include "guardd/ctl/doctor/subject.h"
#include "tests/unit/fakes.h"
#include "tests/unit/private_bus.h"

namespace guard::testing {
namespace {

using doctor::ProbeFile;
namespace fs = std::filesystem;

class DoctorProbe : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = doctor::open_tree(root_.directory("tree"));
    ASSERT_TRUE(opened) << opened.error().text();
    tree_ = *std::move(opened);
  }
  std::string path() const { return root_ / "tree/probe"; }
  ProbeFile create() const {
    auto probe = ProbeFile::create(tree_, "probe");
    if (!probe) ADD_FAILURE() << probe.error().text();
    return *std::move(probe);
  }

  TemporaryDirectory root_;
  Fd tree_;
};

TEST_F(DoctorProbe, ATreeIsNeitherALinkNorAFile) {
  fs::create_symlink("tree", root_ / "link");
  (void)root_.directory("tree/deep");
  EXPECT_EQ(doctor::open_tree(root_ / "link").error().code(), ELOOP);
  EXPECT_EQ(doctor::open_tree(root_ / "link/deep").error().code(), ELOOP);
  EXPECT_EQ(doctor::open_tree(root_.write("file")).error().code(), ENOTDIR);
  EXPECT_EQ(doctor::open_tree(root_ / "absent").error().code(), ENOENT);
}

TEST_F(DoctorProbe, IsEmptyAndPrivateAndIsRemoved) {
  {
    const auto probe = create();
    const auto facts = probe.look();
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->st_size, 0);
    EXPECT_EQ(facts->st_mode & 07777U, 0600U);
    EXPECT_EQ(ProbeFile::create(tree_, "probe").error().code(), EEXIST);
  }
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(DoctorProbe, IsRemovedOnceAfterAMove) {
  auto probe = create();
  auto other = std::move(probe);
  EXPECT_TRUE(*other.remove());
  root_.write("tree/probe", "another file");
  EXPECT_TRUE(*other.remove());  // it is already gone
  EXPECT_TRUE(fs::exists(path()));
}

TEST_F(DoctorProbe, FollowsNoLink) {
  fs::create_symlink(root_ / "outside", path());
  EXPECT_EQ(ProbeFile::create(tree_, "probe").error().code(), EEXIST);
  EXPECT_FALSE(fs::exists(root_ / "outside"));
  EXPECT_FALSE(ProbeFile::create(tree_, "../outside"));
}

TEST_F(DoctorProbe, LeavesAloneWhatHasTakenItsName) {
  root_.write("outside", "secret");
  const auto replaced = [&](auto replace) {
    fs::remove_all(path());
    auto probe = create();
    fs::remove(path());
    replace();
    const auto removed = probe.remove();
    EXPECT_TRUE(removed && !*removed);
    EXPECT_TRUE(fs::exists(fs::symlink_status(path())));
    EXPECT_TRUE(fs::exists(root_ / "outside"));
  };
  replaced([&] { fs::create_symlink(root_ / "outside", path()); });
  replaced([&] { fs::create_hard_link(root_ / "outside", path()); });
  replaced([&] { fs::create_directory(path()); });
  replaced([&] { root_.write("tree/probe", "text"); });
}

TEST_F(DoctorProbe, ReportsThatItWasMoved) {
  auto probe = create();
  fs::rename(path(), root_ / "tree/kept");
  EXPECT_FALSE(*probe.remove());
  auto gone = create();
  fs::remove(path());
  EXPECT_TRUE(*gone.remove());
}

TEST_F(DoctorProbe, ClearsOnlyWhatItCouldHaveCreated) {
  EXPECT_TRUE(doctor::clear(tree_, "probe"));
  root_.write("tree/probe");
  EXPECT_TRUE(doctor::is_there(tree_, "probe"));
  EXPECT_TRUE(doctor::clear(tree_, "probe"));
  EXPECT_FALSE(doctor::is_there(tree_, "probe"));
  root_.write("tree/probe", "text");
  EXPECT_FALSE(doctor::clear(tree_, "probe"));
  fs::remove(path());
  fs::create_directory(path());
  EXPECT_FALSE(doctor::clear(tree_, "probe"));
}

TEST(DoctorNames, AreUnpredictable) {
  const auto one = doctor::random_name("a-", ".log");
  const auto other = doctor::random_name("a-", ".log");
  ASSERT_TRUE(one && other);
  EXPECT_NE(*one, *other);
  EXPECT_EQ(one->size(), 2U + 16U + 4U);
}

TEST(DoctorSubject, IsThisProcess) {
  const auto machine = machine::Machine::open("/");
  ASSERT_TRUE(machine);
  const doctor::OwnSubject self(*machine);
  const auto subject = self.view();
  EXPECT_EQ(subject.self.uid, Uid{::geteuid()});
  EXPECT_EQ(subject.self.gid, Gid{::getegid()});
  struct stat exe {};
  ASSERT_EQ(::stat("/proc/self/exe", &exe), 0);
  EXPECT_EQ(subject.self.exe, (InodeId{exe.st_dev, exe.st_ino}));
}

class DoctorForecast : public ::testing::Test {
 protected:
  // For a policy whose tree does not exist, so only names matter.
  doctor::Forecast predict(const std::string& more, Backend backend = Backend::kLsm) {
    set_ = world_.load_good(policy_text(more, "shop", "/nonexistent/shop")).set;
    Subject root;
    root.self.uid = kRoot;
    root.self.gid = Gid{0};
    return doctor::forecast(*set_, set_->trees().front(), backend, root);
  }

  World world_;
  std::shared_ptr<const PolicySet> set_;
};

TEST_F(DoctorForecast, IsWhatExplainSays) {
  EXPECT_EQ(predict("action = \"log\"\n").outcome, ExpectedOutcome::kLogged);
  EXPECT_EQ(predict("action = \"deny\"\n").outcome, ExpectedOutcome::kDenied);
  const auto fix = predict("action = \"fix\"\nsettle = \"70ms\"\n");
  EXPECT_EQ(fix.outcome, ExpectedOutcome::kFixed);
  EXPECT_EQ(fix.wanted.owner.id, kShop);
  EXPECT_EQ(fix.settle, std::chrono::milliseconds(70));
  EXPECT_TRUE(fix.name.starts_with(doctor::kProbeName));
  EXPECT_TRUE(fix.why_not.empty());
}

TEST_F(DoctorForecast, FindsANameThatProvesSomething) {
  EXPECT_TRUE(predict("action = \"fix\"\nexclude = [\".guardd-probe-*[0-9a-f]\"]\n")
                  .name.ends_with(".log"));
  EXPECT_TRUE(
      predict("action = \"fix\"\nexclude = [\".guardd-probe-*[0-9a-fgt]\"]\n").name.empty());
}

TEST_F(DoctorForecast, SaysWhyNothingIsProved) {
  const auto nothing = [&](const std::string& more, const std::string& why) {
    const auto forecast = predict(more);
    EXPECT_TRUE(forecast.name.empty());
    EXPECT_NE(forecast.why_not.find(why), std::string::npos) << forecast.why_not;
  };
  nothing("action = \"fix\"\nexclude = [\"**\"]\n", "the policy excludes this path");
  nothing("action = \"fix\"\nguard = [\"content\"]\n",
          "no guard of the policy covers this operation");
  nothing("action = \"fix\"\n[[policy.allow]]\nuser = \"root\"\neffect = \"ignore\"\n",
          "an allow permits it");
  nothing("action = \"deny\"\nguard = [\"ownership\", \"delete\"]\n", "guards deletions");
}

TEST(DoctorListener, ReportsItsOwnFilesOnly) {
  const PrivateBus bus;
  EXPECT_EQ(doctor::BusListener::begin("unix:path=/nonexistent", "probe-").error().kind,
            bus::Kind::kNotRunning);
  EXPECT_EQ(doctor::BusListener::begin(bus.address(), "probe-").error().kind,
            bus::Kind::kNotRunning);
  FakeGuardd guardd(bus);
  guardd.repeats([](sd_bus* from) {
    for (const char* path : {"/srv/probe-1", "/srv/other", "/srv/deep/probe-2"})
      (void)sd_bus_emit_signal(from, bus::kObject, bus::kManager, "ViolationDetected", "a{sv}", 2,
                               "path", "s", path, "action", "s", "fixed");
  });
  guardd.start();
  const auto listener = doctor::BusListener::begin(bus.address(), "probe-");
  ASSERT_TRUE(listener) << listener.error().text;
  for (int i = 0; i < 500 && !(*listener)->about("probe-2"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ASSERT_TRUE((*listener)->about("probe-1"));
  EXPECT_EQ((*listener)->about("probe-1")->action, "fixed");
  EXPECT_TRUE((*listener)->about("probe-2"));
  EXPECT_FALSE((*listener)->about("other"));
  EXPECT_FALSE((*listener)->about("1"));
  guardd.stop();  // the listener survives that guardd stops
}

}  // namespace
}  // namespace guard::testing
