// The conditions of alerts: what they mean, and what is said of wrong ones.
#include "guardd/condition/condition.h"

#include <gtest/gtest.h>

namespace guard {
namespace {

using namespace std::chrono_literals;

AlertCondition parse(std::string_view text) {
  std::optional<ConditionError> error;
  auto condition = parse_condition(text, error);
  EXPECT_FALSE(error) << text << ": " << error->message;
  return condition;
}

std::string wrong(std::string_view text) {
  std::optional<ConditionError> error;
  (void)parse_condition(text, error);
  return error ? std::to_string(error->offset) + ": " + error->message : "valid";
}

Violation skipped() {
  Violation violation;
  violation.policy = "shop";
  violation.severity = Severity::kHigh;
  violation.action = Outcome::kSkipped;
  violation.path = "/srv/shop/a b";
  violation.mode_wanted = Mode{0640};
  violation.actor.edit().uid = Uid{1000};
  return violation;
}

bool is_met(std::string_view text) {
  return parse(text).is_met_by(skipped());
}

TEST(Condition, ComparesFieldsOfAViolation) {
  EXPECT_TRUE(is_met("outcome == skipped"));
  EXPECT_TRUE(is_met("action == skipped"));
  EXPECT_FALSE(is_met("outcome != skipped"));
  EXPECT_TRUE(is_met("severity >= high"));
  EXPECT_TRUE(is_met("severity>=medium"));
  EXPECT_FALSE(is_met("severity > high"));
  EXPECT_TRUE(is_met("severity < critical and severity != low and policy == shop"));
  EXPECT_FALSE(is_met("severity >= high and policy == web"));
  EXPECT_TRUE(is_met("path == '/srv/shop/a b'"));
  EXPECT_TRUE(is_met("path == \"/srv/shop/a b\" and uid == 1000 and uid >= 1000 and uid < 1001"));
  EXPECT_TRUE(is_met("mode_wanted == 0640"));
}

TEST(Condition, AnAbsentFieldEqualsNothing) {
  EXPECT_FALSE(is_met("unit == cron.service"));
  EXPECT_TRUE(is_met("unit != cron.service"));
  EXPECT_FALSE(is_met("login_uid == 0"));
  EXPECT_FALSE(is_met("login_uid < 5"));
  EXPECT_TRUE(is_met("login_uid != 0"));
  EXPECT_TRUE(is_met("uid != root"));
}

TEST(Condition, ARateHasAGroupAndCanBeNarrowed) {
  const auto one = parse("more than 50 violations in 10s by one command");
  ASSERT_TRUE(one.rate);
  EXPECT_EQ(one.rate->limit, 50U);
  EXPECT_EQ(one.rate->within, 10s);
  EXPECT_EQ(one.rate->group, Rate::Group::kCommand);
  const auto user = parse("severity >= low and more than 1 violation in 1h30min by one user");
  EXPECT_EQ(user.rate->group, Rate::Group::kUser);
  EXPECT_EQ(user.rate->within, 90min);
  EXPECT_EQ(user.comparisons.size(), 1U);
  EXPECT_EQ(parse("more than 5 violations in 2m in one policy").rate->group, Rate::Group::kPolicy);
  EXPECT_EQ(parse("more than 5 violations in 2m").rate->group, Rate::Group::kAll);
}

TEST(Condition, HealthCanLast) {
  const auto bad = parse("health != ok for 5m");
  ASSERT_TRUE(bad.health);
  EXPECT_EQ(bad.health->lasting, 5min);
  EXPECT_TRUE(bad.is_met_by(Health::kPaused));
  EXPECT_FALSE(bad.is_met_by(Health::kOk));
  EXPECT_FALSE(bad.is_met_by(skipped()));
  EXPECT_FALSE(parse("outcome == skipped").is_met_by(Health::kDegraded));
  EXPECT_TRUE(parse("health == disabled").is_met_by(Health::kDisabled));
}

TEST(Condition, EveryMistakeHasItsPlaceAndAHint) {
  EXPECT_EQ(wrong(""), "0: here should be a condition, as in \"severity >= high\"");
  EXPECT_EQ(wrong("severty >= high"), "0: unknown field \"severty\"; did you mean \"severity\"?");
  EXPECT_EQ(wrong("severity >= hihg"),
            "12: severity must be info, low, medium, high or critical, not \"hihg\"; did you mean "
            "\"high\"?");
  EXPECT_EQ(wrong("outcome = skipped"), "8: write \"==\" instead of \"=\"");
  EXPECT_EQ(wrong("outcome skipped"), "8: here should be ==, !=, >=, <=, > or <, not \"skipped\"");
  EXPECT_EQ(wrong("outcome == skiped"),
            "11: outcome must be logged, fixed, denied or skipped, not \"skiped\"; did you mean "
            "\"skipped\"?");
  EXPECT_EQ(wrong("policy >= shop"),
            "7: \">=\" is for numbers and for severity; for policy, write \"==\" or \"!=\"");
  EXPECT_EQ(wrong("policy == "), "10: here should be a value for policy");
  EXPECT_EQ(wrong("policy == shop or policy == web"),
            "15: there is no \"or\"; write one [[alert]] for each case");
  EXPECT_EQ(wrong("policy == shop && uid == 0"), "15: write \"and\" instead of \"&&\"");
  EXPECT_EQ(wrong("policy == shop uid == 0"), "15: here should be \"and\" or the end, not \"uid\"");
  EXPECT_EQ(wrong("policy == 'shop"), "10: the quote is not closed");
  EXPECT_EQ(wrong("not policy == shop"), "0: there is no \"not\"; write != instead of ==");
  EXPECT_EQ(wrong("time > 5"), "0: \"time\" cannot be compared");
  EXPECT_EQ(wrong("more than many violations in 10s"),
            "10: here should be a number, as in \"more than 50\", not \"many\"");
  EXPECT_EQ(wrong("more than 50 violatoins in 10s"),
            "13: here should be \"violations\" or \"violation\", not \"violatoins\"; did you mean "
            "\"violations\"?");
  EXPECT_EQ(wrong("more than 50 violations in 10").substr(0, 56),
            "27: \"10\" is not a duration: the number 10 has no unit; w");
  EXPECT_EQ(wrong("more than 50 violations in 0s"), "27: the duration must not be 0");
  EXPECT_EQ(wrong("more than 5 violations in 1s by one comand"),
            "36: here should be \"command\" or \"user\", not \"comand\"; did you mean "
            "\"command\"?");
  EXPECT_EQ(wrong("more than 5 violations in"), "25: here should be a duration, as in \"10s\"");
  EXPECT_EQ(wrong("health != fine"),
            "10: health must be ok, degraded, paused or disabled, not \"fine\"");
  EXPECT_EQ(wrong("health >= degraded"), "7: for health, write \"==\" or \"!=\"");
  EXPECT_EQ(wrong("severity >= high and health != ok"),
            "21: health cannot be combined with anything; write an [[alert]] for it alone");
  EXPECT_EQ(wrong("more than 1 violation in 1s and more than 2 violations in 2s"),
            "32: there can be only one \"more than\" in a condition");
}

}  // namespace
}  // namespace guard
