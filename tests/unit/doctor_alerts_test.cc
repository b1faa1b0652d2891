// The checks of doctor about alerts.

#include "guardd/ctl/doctor/checks.h"
#include "tests/unit/doctor_fixture.h"

namespace guard::testing {
namespace {

using doctor::Mark;

class DoctorAlerts : public PlantedMachine {
 protected:
  void alert(const std::string& unit) {
    plant("/etc/guardd/guardd.toml",
          "[[alert]]\nname = \"a\"\nwhen = \"outcome == skipped\"\nunit = \"" + unit + "\"\n");
  }
  void unit(const std::string& name) {
    plant("/lib/systemd/system/" + name, "[Service]\nExecStart=/usr/lib/guardd/alerts/mail\n");
  }
  doctor::Checks checks() { return doctor::alert_checks(machine()); }
};

TEST_F(DoctorAlerts, WithoutAlertsThereIsNothingToSay) {
  EXPECT_TRUE(checks().empty());
  plant("/etc/guardd/guardd.toml", "backend = \"auto\"\n");
  EXPECT_TRUE(checks().empty());
}

TEST_F(DoctorAlerts, AMissingUnitIsAFailure) {
  alert("guardd-alert@.service");
  expect(check_of(checks(), "alert a"), Mark::kFail, "guardd-alert@.service does not exist",
         "name a template that exists");
  plant_link("/etc/systemd/system/guardd-alert@.service", "/dev/null");
  expect(check_of(checks(), "alert a"), Mark::kFail, "masked", "systemctl unmask");
}

TEST_F(DoctorAlerts, AMissingProgramIsAFailure) {
  alert("guardd-alert@.service");
  unit("guardd-alert@.service");
  expect(check_of(checks(), "alert a"), Mark::kFail, "sendmail is not installed", "a mail server");
  plant("/usr/sbin/sendmail", "");
  EXPECT_TRUE(all_well(checks()));
  expect(check_of(checks(), "units"), Mark::kOk, "1 alert has a unit and all that it needs");
}

TEST_F(DoctorAlerts, AWebhookNeedsAnAddress) {
  alert("guardd-alert-webhook@.service");
  unit("guardd-alert-webhook@.service");
  plant("/usr/bin/curl", "");
  expect(check_of(checks(), "alert a"), Mark::kFail, "WEBHOOK_URL is not set");
  plant("/etc/guardd/alerts.env", "MAIL_TO=root\n");
  expect(check_of(checks(), "alert a"), Mark::kFail, "WEBHOOK_URL is not set");
  plant("/etc/guardd/alerts.env", "WEBHOOK_URL=\"https://example.org/\"\n");
  EXPECT_TRUE(all_well(checks()));
}

TEST_F(DoctorAlerts, AUnitOfTheAdministratorNeedsNothingElse) {
  alert("page@.service");
  unit("page@.service");
  EXPECT_TRUE(all_well(checks()));
}

TEST_F(DoctorAlerts, MistakesInTheSettingsAreNamed) {
  plant("/etc/guardd/guardd.toml", "[[alert]]\nname = \"a\"\nwhen = \"severty == high\"\n");
  expect(check_of(checks(), "settings"), Mark::kFail,
         "/etc/guardd/guardd.toml:3:9: when: unknown field", "systemctl reload guardd");
}

}  // namespace
}  // namespace guard::testing
