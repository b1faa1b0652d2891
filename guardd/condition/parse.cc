#include <algorithm>
#include <array>
#include <utility>

#include "guardd/condition/condition.h"
#include "policy/base/text.h"
#include "policy/record/fields.h"

namespace guard {
namespace {

// A word, an operator or a quoted text, and where it begins. At the end: empty, and not quoted.
struct Token {
  std::string_view text;
  std::size_t offset = 0;
  bool is_quoted = false;

  bool is(std::string_view word) const { return !is_quoted && text == word; }
  bool is_end() const { return !is_quoted && text.empty(); }
  std::string shown() const { return is_end() ? "the end" : quote(text); }
};

constexpr std::string_view kOperators = "=!<>&|";

constexpr std::array<std::string_view, 3> kNotCompared{"time", "monotonic_us", "lineage"};

// An outcome is the field "action" of a record. In a condition, "action" could also mean a
// policy's.
constexpr std::string_view kOutcome = "outcome";

std::vector<std::string_view> names_of_fields() {
  std::vector<std::string_view> names{kOutcome, "health"};
  for (const auto& field : kFields)
    if (std::find(kNotCompared.begin(), kNotCompared.end(), field.name) == kNotCompared.end())
      names.push_back(field.name);
  return names;
}

std::optional<std::size_t> find_field(std::string_view name) {
  if (name == kOutcome) name = "action";
  if (std::find(kNotCompared.begin(), kNotCompared.end(), name) != kNotCompared.end())
    return std::nullopt;
  for (std::size_t i = 0; i < kFieldCount; ++i)
    if (kFields[i].name == name) return i;
  return std::nullopt;
}

template <typename E>
std::vector<std::string_view> words_of() {
  return {Words<E>::kAll.begin(), Words<E>::kAll.end()};
}

// The values that a field can have; empty: any.
std::vector<std::string_view> values_of(std::string_view field) {
  if (field == "action") return words_of<Outcome>();
  if (field == "severity") return words_of<Severity>();
  if (field == "guard") return words_of<Guard>();
  if (field == "operation") return words_of<Operation>();
  if (field == "backend") return words_of<Backend>();
  if (field == "file_type") return words_of<FileType>();
  return {};
}

class Parser {
 public:
  Parser(std::string_view text, std::optional<ConditionError>& error) : text_(text), error_(error) {
    take();
  }

  AlertCondition parse() {
    AlertCondition condition;
    condition.text = text_;
    do {
      term(condition);
    } while (!error_ && accept("and"));
    if (!error_ && !token_.is_end()) {
      if (token_.is("or") || token_.is("||"))
        fail(token_, "there is no " + quote(token_.text) + "; write one [[alert]] for each case");
      else if (token_.is("&&"))
        fail(token_, "write \"and\" instead of \"&&\"");
      else
        fail(token_, "here should be \"and\" or the end, not " + quote(token_.text));
    }
    if (!error_ && condition.health && (condition.rate || !condition.comparisons.empty()))
      fail(health_at_, "health cannot be combined with anything; write an [[alert]] for it alone");
    return condition;
  }

 private:
  void fail(const Token& at, std::string message) {
    if (!error_) error_ = ConditionError{at.offset, std::move(message)};
  }

  // Goes on to the next token, and returns the present one.
  Token take() {
    const auto taken = token_;
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    const auto begin = at_;
    token_ = {{}, begin, false};
    if (begin == text_.size()) return taken;
    const char first = text_[begin];
    if (first == '"' || first == '\'') {
      const auto end = text_.find(first, begin + 1);
      if (end == std::string_view::npos) {
        fail(token_, "the quote is not closed");
        at_ = text_.size();
        return taken;
      }
      token_ = {text_.substr(begin + 1, end - begin - 1), begin, true};
      at_ = end + 1;
      return taken;
    }
    const bool is_operator = kOperators.find(first) != std::string_view::npos;
    while (at_ < text_.size() && text_[at_] != ' ' && text_[at_] != '"' && text_[at_] != '\'' &&
           (kOperators.find(text_[at_]) != std::string_view::npos) == is_operator)
      ++at_;
    token_.text = text_.substr(begin, at_ - begin);
    return taken;
  }

  bool accept(std::string_view word) {
    if (!token_.is(word)) return false;
    take();
    return true;
  }

  // One of these words, which the sentence goes on with.
  template <std::size_t kCount>
  std::string_view expect(const std::array<std::string_view, kCount>& words) {
    for (const auto word : words)
      if (accept(word)) return word;
    std::array<std::string, kCount> quoted;
    std::transform(words.begin(), words.end(), quoted.begin(), quote);
    fail(token_, "here should be " + listed(quoted, " or ") + ", not " + token_.shown() +
                     did_you_mean(token_.text, words));
    return {};
  }
  void expect(std::string_view word) { (void)expect(std::array{word}); }

  Duration duration() {
    const auto said = take();
    const auto parsed = parse_duration(said.text);
    if (said.is_end())
      fail(said, "here should be a duration, as in \"10s\"");
    else if (!parsed)
      fail(said, quote(said.text) + " is not a duration: " + parsed.error().text());
    else if (parsed->count() <= 0)
      fail(said, "the duration must not be 0");
    return parsed ? *parsed : Duration(0);
  }

  void term(AlertCondition& condition) {
    if (token_.is("more")) {
      const auto at = take();
      auto read = rate();
      if (condition.rate) fail(at, "there can be only one \"more than\" in a condition");
      condition.rate = read;
    } else if (token_.is("health")) {
      health_at_ = take();
      auto read = health();
      if (condition.health) fail(health_at_, "there can be only one \"health\" in a condition");
      condition.health = read;
    } else {
      comparison(condition);
    }
  }

  // "than 50 violations in 10s [by one command|user | in one policy]"
  Rate rate() {
    Rate rate;
    expect("than");
    if (const auto said = token_; !error_) {
      take();
      const auto number = parse_number<std::uint32_t>(said.text);
      if (!number)
        fail(said, "here should be a number, as in \"more than 50\", not " + said.shown());
      rate.limit = number.value_or(0);
    }
    if (!error_) (void)expect(std::array<std::string_view, 2>{"violations", "violation"});
    if (!error_) expect("in");
    if (!error_) rate.within = duration();
    if (error_) return rate;
    if (accept("by")) {
      expect("one");
      if (error_) return rate;
      const auto whose = expect(std::array<std::string_view, 2>{"command", "user"});
      rate.group = whose == "user" ? Rate::Group::kUser : Rate::Group::kCommand;
    } else if (accept("in")) {
      expect("one");
      if (!error_) expect("policy");
      rate.group = Rate::Group::kPolicy;
    }
    return rate;
  }

  // "!= ok [for 5m]"
  HealthCondition health() {
    HealthCondition health;
    const auto operator_at = token_;
    health.comparator = comparator();
    if (!error_ && health.comparator > Comparator::kNotEqual)
      fail(operator_at, "for health, write \"==\" or \"!=\"");
    if (error_) return health;
    const auto said = take();
    const auto word = parse_word<Health>(said.text);
    if (word)
      health.health = *word;
    else
      wrong_word("health", said, words_of<Health>());
    if (!error_ && accept("for")) health.lasting = duration();
    return health;
  }

  void comparison(AlertCondition& condition) {
    const auto name = take();
    if (error_) return;
    const auto field = name.is_quoted ? std::nullopt : find_field(name.text);
    if (!field) return unknown_field(name);
    Comparison made;
    made.field = *field;
    const auto operator_at = token_;
    made.comparator = comparator();
    if (error_) return;
    const auto value = take();
    if (value.is_end()) return fail(value, "here should be a value for " + std::string(name.text));
    made.value = value.text;
    made.number = parse_number<std::uint64_t>(value.text);
    const auto words = values_of(kFields[*field].name);
    const auto at = std::find(words.begin(), words.end(), value.text);
    if (!words.empty() && at == words.end()) return wrong_word(name.text, value, words);
    const bool is_severity = kFields[*field].name == "severity";
    if (is_severity) made.number = static_cast<std::uint64_t>(at - words.begin());
    if (made.comparator > Comparator::kNotEqual && !is_severity && !made.number)
      return fail(operator_at, quote(operator_at.text) + " is for numbers and for severity; " +
                                   "for " + std::string(name.text) + ", write \"==\" or \"!=\"");
    condition.comparisons.push_back(std::move(made));
  }

  Comparator comparator() {
    const auto said = take();
    if (const auto known = parse_word<Comparator>(said.text); known && !said.is_quoted)
      return *known;
    if (said.is("="))
      fail(said, "write \"==\" instead of \"=\"");
    else
      fail(said, "here should be ==, !=, >=, <=, > or <, not " + said.shown());
    return Comparator::kEqual;
  }

  void unknown_field(const Token& name) {
    if (name.is_end()) return fail(name, "here should be a condition, as in \"severity >= high\"");
    if (name.is("not") || name.is("!"))
      return fail(name, "there is no " + quote(name.text) + "; write != instead of ==");
    for (const auto each : kNotCompared)
      if (name.is(each)) return fail(name, quote(each) + " cannot be compared");
    const auto names = names_of_fields();
    const auto hint = did_you_mean(name.text, names);
    fail(name, "unknown field " + quote(name.text) +
                   (hint.empty() ? "; guardd.toml(5) lists the fields, such as outcome, severity "
                                   "and policy"
                                 : hint));
  }

  void wrong_word(std::string_view name, const Token& said,
                  const std::vector<std::string_view>& words) {
    fail(said, std::string(name) + " must be " + listed(words, " or ") + ", not " + said.shown() +
                   did_you_mean(said.text, words));
  }

  std::string_view text_;
  std::optional<ConditionError>& error_;
  std::size_t at_ = 0;
  Token token_;      // the next one
  Token health_at_;  // the word "health"
};

}  // namespace

AlertCondition parse_condition(std::string_view text, std::optional<ConditionError>& error) {
  return Parser(text, error).parse();
}

}  // namespace guard
