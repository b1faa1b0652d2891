// What the main process and a request process say to each other arrives as it was said; what is not
// whole, or not about the request, does not.
#include "guardd/request_process/request_form.h"

#include <gtest/gtest.h>

#include "tests/unit/fakes.h"
#include "tests/unit/judging.h"

namespace guard {
namespace {

class RequestFormTest : public ::testing::Test {
 protected:
  RequestFormTest() {
    Policy policy;
    policy.said.name.value = "shop";
    policy.wanted.owner = {Uid{5}, "shop"};
    policy.wanted.group = {Gid{5}, "shop"};
    set_ = std::make_shared<const PolicySet>(
        std::vector<Policy>{policy}, std::vector<Tree>{{"/srv/shop", 0, {}}, {"/srv/other", 0, {}}},
        std::vector<std::string>{}, 1);
    asked_.targets = {{1, "part"}};
  }
  ManualFinding fixed(std::uint32_t tree) const {
    ManualFinding finding{tree, "a\nb\xff"};
    finding.outcome.what = RepairResult::kFixed;
    finding.outcome.id = {1, 2};
    finding.outcome.before.mode = Mode{0644};
    finding.outcome.after = finding.outcome.before;
    finding.outcome.after.uid = Uid{5};
    finding.outcome.verdict = judge(set_->policies()[0], finding.path, finding.outcome.before);
    return finding;
  }
  std::optional<std::vector<ManualFinding>> read(const ManualFinding& finding) const {
    ContentsWriter out;
    write_manual_finding(out, finding);
    return read_manual_findings(out.take(), *set_, asked_);
  }

  std::shared_ptr<const PolicySet> set_;
  ManualScan asked_;
};

TEST_F(RequestFormTest, AScanArrives) {
  ScanRequest request;
  request.scan.targets = {{0, ""}, {1, "a\n/b"}};
  request.scan.fix = true;
  request.threads = 3;
  request.most_findings = 50;
  const auto read = read_scan_request(write_scan_request(request), *set_);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->scan.targets.size(), 2U);
  EXPECT_EQ(read->scan.targets[1].tree, 1U);
  EXPECT_EQ(read->scan.targets[1].start, "a\n/b");
  EXPECT_TRUE(read->scan.fix);
  EXPECT_FALSE(read->scan.dry_run);
  EXPECT_EQ(read->threads, 3U);
  EXPECT_EQ(read->most_findings, 50U);
  request.scan.targets.push_back({2, ""});
  EXPECT_FALSE(read_scan_request(write_scan_request(request), *set_)) << "there is no such tree";
}

TEST_F(RequestFormTest, AFindingArrivesIfItsTreeWasAskedAbout) {
  const auto arrived = read(fixed(1));
  ASSERT_TRUE(arrived);
  ASSERT_EQ(arrived->size(), 1U);
  EXPECT_EQ(arrived->front().path, "a\nb\xff");
  EXPECT_EQ(arrived->front().outcome.after.uid, Uid{5});
  EXPECT_TRUE(arrived->front().outcome.verdict.violation()) << "it is judged again";
  EXPECT_FALSE(read(fixed(0)));
  EXPECT_FALSE(read(fixed(7)));
}

TEST_F(RequestFormTest, WhatWasRightCannotHaveBeenFixed) {
  auto finding = fixed(1);
  finding.outcome.before.uid = Uid{5};
  finding.outcome.before.gid = Gid{5};
  EXPECT_FALSE(read(finding));
}

TEST_F(RequestFormTest, OnlyTreesThatWereAskedAboutAreCounted) {
  EXPECT_EQ(read_counted(write_counted({1, 77}), asked_)->objects, 77U);
  EXPECT_FALSE(read_counted(write_counted({0, 77}), asked_));
}

TEST_F(RequestFormTest, AReportArrives) {
  ManualScanReport report;
  report.found = 3;
  report.fixed = 2;
  report.complete = false;
  report.troubles = {"one", "two"};
  const auto read = read_scan_report(write_scan_report(report));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->found, 3U);
  EXPECT_EQ(read->fixed, 2U);
  EXPECT_FALSE(read->complete);
  EXPECT_EQ(read->troubles, report.troubles);
}

TEST_F(RequestFormTest, AFixArrives) {
  Fix fix{std::chrono::system_clock::now(), "i", "shop", "/srv/shop/a b", {3, 4}, {}, {}};
  fix.before = {Uid{0}, Gid{0}, Mode{0600}};
  fix.after = {Uid{5}, Gid{5}, Mode{0640}};
  ContentsWriter out;
  write_fix(out, fix);
  write_fix(out, fix);
  const auto contents = out.take();
  const auto read = read_fixes(contents);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2U);
  const auto& first = read->front();
  EXPECT_EQ(first.time, fix.time);
  EXPECT_EQ(first.path, fix.path);
  EXPECT_EQ(first.object, fix.object);
  EXPECT_EQ(first.before, fix.before);
  EXPECT_EQ(first.after, fix.after);
  EXPECT_FALSE(read_fixes(std::string_view(contents).substr(0, contents.size() - 1)));
}

TEST_F(RequestFormTest, OnlyFilesThatWereAskedAboutAreRestored) {
  ContentsWriter out;
  write_restored(out, {1, {}, {Uid{7}, Gid{8}, Mode{0600}}});
  const auto restored = out.take();
  ASSERT_TRUE(read_restored(restored, 2));
  EXPECT_EQ(read_restored(restored, 2)->front().to, (Ownership{Uid{7}, Gid{8}, Mode{0600}}));
  EXPECT_FALSE(read_restored(restored, 1));
  write_unrestored(out, {1, "because"});
  const auto left = out.take();
  ASSERT_TRUE(read_unrestored(left, 2));
  EXPECT_EQ(read_unrestored(left, 2)->front().why, "because");
  EXPECT_FALSE(read_unrestored(left, 1));
}

}  // namespace
}  // namespace guard
