#include "policy/glob.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "policy/base/text.h"

namespace guard {
namespace {

// Bounds the work of one match (the path length times this) and the stack that it needs.
constexpr std::size_t kMostSteps = 512;
constexpr std::size_t kLongestPattern = 4096;
constexpr unsigned kDeepestBraces = 16;
constexpr std::uint32_t kUnnamedCharacter = kBadByte + 0x100;  // no pattern can name it

constexpr bool is_special(char c) {
  return c == '*' || c == '?' || c == '[' || c == ']' || c == '{' || c == '}' || c == '\\';
}

}  // namespace

// Compiles a pattern into steps by recursive descent: an alternative in braces is a sequence again.
class Glob::Compiler {
 public:
  Compiler(std::string_view pattern, Glob& glob) : text_(pattern), glob_(glob) {}

  Status run() {
    if (text_.empty()) return Error("the pattern is empty");
    if (text_.size() > kLongestPattern) return Error("the pattern is longer than 4096 bytes");
    GUARD_CHECK(check_names());
    GUARD_CHECK(sequence(0));
    if (more()) return at("this '}' has no matching '{'; for a literal '}' write \\}");
    emit({Op::kMatch});
    if (steps().size() > kMostSteps) return too_complex();
    find_shape();
    return {};
  }

 private:
  std::vector<Step>& steps() { return glob_.steps_; }
  std::uint32_t here() { return static_cast<std::uint32_t>(steps().size()); }
  std::uint32_t emit(Step step) {
    steps().push_back(step);
    return here() - 1;
  }

  static Error too_complex() { return Error("the pattern is too complex; split it into several"); }
  Error at(const std::string& what) const {
    return Error("character " + std::to_string(std::min(at_ + 1, text_.size())) + ": " + what);
  }

  // A relative path consists of names that are not empty and do not lead upwards.
  Status check_names() const {
    if (text_.front() == '/') {
      return Error("patterns are relative to the tree: remove the '/' at the start");
    }
    if (text_.back() == '/') {
      return Error("a pattern cannot end with '/': remove it, or add ** to match everything below");
    }
    if (text_.find('\0') != std::string_view::npos)
      return Error("a pattern cannot contain a NUL character");
    for (std::size_t begin = 0; begin <= text_.size();) {
      const auto end = std::min(text_.find('/', begin), text_.size());
      const auto name = text_.substr(begin, end - begin);
      if (name.empty()) return Error("the pattern contains an empty name (//)");
      if (name == "..") return Error("'..' never matches: patterns are relative to the tree");
      if (name == "." && text_.size() > 1)
        return Error("'.' never matches: it is not the name of a file");
      begin = end + 1;
    }
    return {};
  }

  void find_shape() {
    const auto first = std::find_if(text_.begin(), text_.end(), is_special);
    const auto literal = static_cast<std::size_t>(first - text_.begin());
    if (text_ == ".") {  // the path of the tree's own root is empty
      glob_.shape_ = Shape::kLiteral;
      return;
    }
    glob_.head_ = text_.substr(0, literal);
    if (literal == text_.size()) {
      glob_.shape_ = Shape::kLiteral;
      return;
    }
    if (text_.substr(literal) == "**" && (literal == 0 || text_[literal - 1] == '/')) {
      glob_.shape_ = Shape::kBelow;
      return;
    }
    const auto last = text_.find_last_of("*?[]{}\\");
    auto tail = text_.substr(last + 1);
    if (text_[last] == '\\' && !tail.empty()) tail.remove_prefix(1);
    if (!tail.empty() && tail.front() == '/') tail.remove_prefix(1);  // "**/x" also matches "x"
    glob_.tail_ = tail;
    find_name_shape(tail);
  }

  // "**/" and one name: only the last name of a path matters. The rest of the pattern contains
  // neither '/' nor **.
  void find_name_shape(std::string_view tail) {
    constexpr std::string_view kAnywhere = "**/";
    if (!text_.starts_with(kAnywhere)) return;
    const auto name = text_.substr(kAnywhere.size());
    if (name.find('/') != std::string_view::npos || name.find("**") != std::string_view::npos)
      return;
    // Inside a multi-byte character, the tail could match although the character does not.
    const bool whole = tail.empty() || (static_cast<unsigned char>(tail.front()) & 0xc0U) != 0x80U;
    const bool only_tail = name.front() == '*' && name.substr(1) == tail && whole;
    glob_.shape_ = only_tail ? Shape::kSuffix : Shape::kName;
  }

  bool more() const { return at_ < text_.size(); }
  char peek() const { return text_[at_]; }

  Status sequence(unsigned depth) {
    while (more()) {
      if (peek() == '}' || (peek() == ',' && depth > 0)) return {};
      GUARD_CHECK(one(depth));
      if (steps().size() > kMostSteps) return too_complex();
    }
    return {};
  }

  Status one(unsigned depth) {
    switch (peek()) {
      case '*':
        return stars(depth);
      case '[':
        return set();
      case '{':
        return braces(depth);
      case '?':
        emit({Op::kInName});
        ++at_;
        at_name_ = AtName::kNo;
        return {};
      case '\\':
        if (++at_ == text_.size()) return at("the '\\' at the end has nothing to escape");
        if (peek() == '/') return at("a '/' cannot be escaped: it always separates names");
        break;
      default:
        break;
    }
    const auto point = decode_utf8(text_.substr(at_));
    emit({Op::kCharacter, point.value});
    at_ += point.length;
    at_name_ = point.value == '/' ? AtName::kYes : AtName::kNo;
    return {};
  }

  // "loop: split(body, out); body: <op>; jump loop; out:"
  void any_number_of(Op op) {
    const auto split = emit({Op::kSplit, here() + 1});
    emit({op});
    emit({Op::kJump, split});
    steps()[split].other = here();
  }

  Status stars(unsigned depth) {
    const auto first = at_;
    while (more() && peek() == '*') ++at_;
    const bool two = at_ - first == 2;
    if (two && at_name_ == AtName::kSome) {
      at_ = first;
      return at(
          "after these braces, ** is a whole name for some alternatives only; split the pattern");
    }
    const bool could_be_name = two && at_name_ == AtName::kYes;
    at_name_ = AtName::kNo;
    if (could_be_name && more() && peek() == '{') {
      return at("** before braces is not a whole name; insert a '/'");
    }
    if (could_be_name && more() &&
        peek() == '/') {  // "**/": nothing, or directories with their slash
      ++at_;
      const auto split = emit({Op::kSplit, here() + 1});
      any_number_of(Op::kAnything);
      emit({Op::kCharacter, '/'});
      steps()[split].other = here();
      at_name_ = AtName::kYes;
    } else if (could_be_name &&
               ends_here(depth)) {  // "**": everything below, one character at least
      emit({Op::kAnything});
      any_number_of(Op::kAnything);
    } else if (could_be_name && depth > 0 && more() && (peek() == ',' || peek() == '}')) {
      return at("** inside these braces is not a whole name; move it outside the braces");
    } else {
      any_number_of(Op::kInName);
    }
    return {};
  }

  // Whether the alternative ends here and nothing follows its braces.
  bool ends_here(unsigned depth) const {
    if (!more()) return true;
    if (depth == 0 || (peek() != ',' && peek() != '}')) return false;
    for (auto i = at_; i < text_.size(); ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == '{') {
        ++depth;
      } else if (text_[i] == '}' && --depth == 0) {
        return i + 1 == text_.size();
      }
    }
    return false;
  }

  Status set() {
    const auto opened = at_++;
    Set set;
    if (more() && (peek() == '!' || peek() == '^')) set.negated = true, ++at_;
    for (bool first = true;; first = false) {
      if (!more()) {
        at_ = opened;
        return at("this '[' is not closed; for a literal '[' write \\[");
      }
      if (peek() == ']' && !first) break;
      if (peek() == '[' && at_ + 1 < text_.size() &&
          (text_[at_ + 1] == ':' || text_[at_ + 1] == '.' || text_[at_ + 1] == '='))
        return at("classes such as [:alpha:] are not supported; write a range");
      GUARD_TRY(const auto low, set_member());
      auto high = low;
      if (at_ + 1 < text_.size() && peek() == '-' && text_[at_ + 1] != ']') {
        ++at_;
        GUARD_TRY(high, set_member());
      }
      if (high < low) return at("this range is reversed");
      if (low <= '/' && '/' <= high) {
        return at("a set matches one character of a name, so it cannot contain '/'");
      }
      set.ranges.push_back({low, high});
    }
    ++at_;
    at_name_ = AtName::kNo;
    emit({Op::kSet, static_cast<std::uint32_t>(glob_.sets_.size())});
    glob_.sets_.push_back(std::move(set));
    return {};
  }

  Result<std::uint32_t> set_member() {
    if (peek() == '\\' && ++at_ == text_.size())
      return at("the '\\' at the end has nothing to escape");
    const auto point = decode_utf8(text_.substr(at_));
    at_ += point.length;
    return point.value;
  }

  Status braces(unsigned depth) {
    const auto opened = at_;
    if (depth == kDeepestBraces) return at("braces are nested too deeply");
    const auto opened_at_name = at_name_;
    std::optional<AtName> after;
    std::vector<std::uint32_t> exits;
    do {
      ++at_;  // the '{' or the ','
      at_name_ = opened_at_name;
      const auto split = emit({Op::kSplit, here() + 1});
      GUARD_CHECK(sequence(depth + 1));
      after = !after || *after == at_name_ ? at_name_ : AtName::kSome;
      exits.push_back(emit({Op::kJump}));
      steps()[split].other = here();
    } while (more() && peek() == ',');
    at_name_ = *after;
    if (!more()) {
      at_ = opened;
      return at("this '{' is not closed; for a literal '{' write \\{");
    }
    ++at_;
    // The second branch of the last alternative never matches: a set without ranges.
    emit({Op::kSet, static_cast<std::uint32_t>(glob_.sets_.size())});
    glob_.sets_.emplace_back();
    for (const auto exit : exits) steps()[exit].value = here();
    return {};
  }

  std::string_view text_;
  Glob& glob_;
  std::size_t at_ = 0;
  // Whether a name begins here, so that ** can be a whole name. After braces this can depend on the
  // alternative.
  enum class AtName { kNo, kYes, kSome };
  AtName at_name_ = AtName::kYes;
};

// The active steps of a match: a sparse set on the stack, so that insert, lookup and clear are
// O(1).
class Glob::Threads {
 public:
  explicit Threads(const std::vector<Step>& steps) : steps_(steps) {
    std::fill_n(where_.begin(), steps.size(), std::uint16_t{0});
  }

  // Follows splits and jumps, so that the set contains only steps that consume or match.
  void add(std::uint32_t start) {
    std::array<std::uint32_t, kMostSteps + 2> pending;
    std::size_t count = 0;
    pending[count++] = start;
    while (count > 0) {
      const auto at = pending[--count];
      if (seen(at)) continue;
      where_[at] = size_;
      held_[size_++] = static_cast<std::uint16_t>(at);
      const auto& step = steps_[at];
      if (step.op == Op::kJump) pending[count++] = step.value;
      if (step.op == Op::kSplit) {
        pending[count++] = step.other;
        pending[count++] = step.value;
      }
    }
  }
  void clear() { size_ = 0; }
  bool empty() const { return size_ == 0; }
  const std::uint16_t* begin() const { return held_.data(); }
  const std::uint16_t* end() const { return held_.data() + size_; }

 private:
  bool seen(std::uint32_t at) const { return where_[at] < size_ && held_[where_[at]] == at; }

  const std::vector<Step>& steps_;
  std::uint16_t size_ = 0;
  std::array<std::uint16_t, kMostSteps + 2> held_;  // the first size_ are set
  std::array<std::uint16_t, kMostSteps + 2> where_;
};

Result<Glob> Glob::compile(std::string_view pattern) {
  Glob glob;
  glob.pattern_ = pattern;
  GUARD_CHECK(Compiler(glob.pattern_, glob).run());
  return glob;
}

bool Glob::consumes(const Step& step, std::uint32_t character) const {
  switch (step.op) {
    case Op::kCharacter:
      return step.value == character;
    case Op::kInName:
      return character != '/';
    case Op::kAnything:
      return true;
    case Op::kSet: {
      const auto& set = sets_[step.value];
      const bool listed = std::any_of(
          set.ranges.begin(), set.ranges.end(),
          [&](const Range& range) { return range.first <= character && character <= range.last; });
      return listed != set.negated && character != '/';
    }
    case Op::kSplit:
    case Op::kJump:
    case Op::kMatch:
      return false;
  }
  return false;
}

bool Glob::matches(std::string_view path) const {
  if (shape_ == Shape::kLiteral) return path == head_;
  if (!path.starts_with(head_) || !path.ends_with(tail_) || path.empty()) return false;
  if (shape_ == Shape::kBelow) return path.size() > head_.size();
  if (shape_ == Shape::kSuffix) return true;
  std::uint32_t start = 0;
  if (shape_ == Shape::kName) {
    path.remove_prefix(path.rfind('/') + 1);
    start = steps_[0].other;  // after "**/"
  }

  Threads one(steps_);
  Threads other(steps_);
  auto* now = &one;
  auto* next = &other;
  now->add(start);
  while (!path.empty() && !now->empty()) {
    const auto point = decode_utf8(path);
    path.remove_prefix(point.length);
    for (const auto at : *now)
      if (consumes(steps_[at], point.value)) next->add(at + 1U);
    std::swap(now, next);
    next->clear();
  }
  const auto is_match = [&](auto at) { return steps_[at].op == Op::kMatch; };
  return path.empty() && std::any_of(now->begin(), now->end(), is_match);
}

std::string_view Glob::literal_directory() const {
  const std::string_view head = head_;
  const auto slash = head.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : head.substr(0, slash + 1);
}

// Runs both automata in parallel, each as its set of active steps, over every kind of character
// that either of them distinguishes. A path that the inner one accepts and the outer one rejects
// proves that the outer pattern does not cover the inner.
bool Glob::covers(const Glob& outer, const Glob& inner, std::size_t& work) {
  using Steps = std::vector<std::uint16_t>;
  struct Place {
    bool at_name;  // at the start or after a slash: a path ends with a name and contains no
                   // empty name
    Steps inner;
    Steps outer;
    bool operator<(const Place& other) const {
      return std::tie(at_name, inner, outer) < std::tie(other.at_name, other.inner, other.outer);
    }
  };
  if (inner.shape_ == Shape::kLiteral) return outer.matches(inner.head_);
  // Most pairs already differ in their literal parts.
  if (!inner.head_.starts_with(outer.head_) && !outer.head_.starts_with(inner.head_)) return false;
  if (!inner.tail_.ends_with(outer.tail_) && !outer.tail_.ends_with(inner.tail_)) return false;

  const auto alphabet = inner.characters_told_apart(outer);
  const auto sorted = [](const Threads& threads) {
    Steps steps(threads.begin(), threads.end());
    std::sort(steps.begin(), steps.end());
    return steps;
  };
  const auto start = [&](const Glob& glob) {
    Threads threads(glob.steps_);
    threads.add(0);
    return sorted(threads);
  };
  const auto advance = [&](const Glob& glob, const Steps& from, std::uint32_t character) {
    Threads threads(glob.steps_);
    for (const auto at : from)
      if (glob.consumes(glob.steps_[at], character)) threads.add(at + 1U);
    return sorted(threads);
  };
  const auto accepts = [](const Glob& glob, const Steps& steps) {
    return std::any_of(steps.begin(), steps.end(),
                       [&](auto at) { return glob.steps_[at].op == Op::kMatch; });
  };

  std::set<Place> seen;
  std::vector<Place> pending{{true, start(inner), start(outer)}};
  while (!pending.empty()) {
    const auto place = *seen.insert(std::move(pending.back())).first;
    pending.pop_back();
    const auto cost = alphabet.size() * (place.inner.size() + place.outer.size() + 1);
    work -= std::min(work, cost);
    if (work == 0) return false;
    if (!place.at_name && accepts(inner, place.inner) && !accepts(outer, place.outer)) return false;
    for (const auto character : alphabet) {
      if (character == '/' && place.at_name) continue;
      Place next{character == '/', advance(inner, place.inner, character),
                 advance(outer, place.outer, character)};
      if (!next.inner.empty() && !seen.contains(next)) pending.push_back(std::move(next));
    }
  }
  return true;
}

// One character of each kind that the two patterns treat the same: the characters they name, the
// neighbours of their ranges, the slash, and one character that neither names.
std::vector<std::uint32_t> Glob::characters_told_apart(const Glob& other) const {
  std::set<std::uint32_t> characters{'/', kUnnamedCharacter};
  for (const auto* glob : {this, &other}) {
    for (const auto& step : glob->steps_)
      if (step.op == Op::kCharacter) characters.insert(step.value);
    for (const auto& set : glob->sets_)
      for (const auto& range : set.ranges)
        for (const auto character : {range.first - 1, range.first, range.last, range.last + 1})
          characters.insert(character);
  }
  return {characters.begin(), characters.end()};
}

}  // namespace guard
