#include "policy/identity.h"

#include <fmt/format.h>
#include <nettle/sha2.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include "policy/policy_set.h"

namespace guard {
namespace {

// Each value is preceded by its length, so that no value can imitate another line.
void put(std::string& out, std::string_view key, std::string_view value) {
  fmt::format_to(std::back_inserter(out), "{} {}:{}\n", key, value.size(), value);
}

void put_mode(std::string& out, std::string_view key, const std::optional<Mode>& mode) {
  put(out, key, mode ? fmt::format("{:04o}", mode->value) : "any");
}

void put_wanted(std::string& out, const WantedState& wanted) {
  put(out, "owner", std::to_string(wanted.owner.id.value));
  put(out, "group", std::to_string(wanted.group.id.value));
  put_mode(out, "file_mode", wanted.file_mode);
  put_mode(out, "dir_mode", wanted.dir_mode);
}

template <typename Number>
void put_id(std::string& out, std::string_view key, const std::optional<Number>& id) {
  if (id) put(out, key, std::to_string(id->value));
}

void put_allow(std::string& out, const Allow& allow) {
  put(out, "allow", word(allow.said.effect.value));
  if (allow.said.exe) put(out, "exe", allow.said.exe->value);
  if (allow.said.unit) put(out, "unit", allow.said.unit->value);
  if (allow.said.container) put(out, "container", allow.said.container->value);
  if (allow.said.image) put(out, "image", allow.said.image->value);
  put_id(out, "user", allow.user);
  put_id(out, "group", allow.group);
  put_id(out, "login", allow.login);
  if (allow.said.label) put(out, "label", word(allow.said.label->value));
  put(out, "children", allow.said.children.value ? "yes" : "no");
}

void put_policy(std::string& out, const Policy& policy) {
  const auto& said = policy.said;
  put(out, "policy", policy.name());
  auto paths = said.paths;
  std::sort(paths.begin(), paths.end(),
            [](const auto& a, const auto& b) { return a.value < b.value; });
  for (const auto& path : paths) put(out, "path", path.value);
  put_wanted(out, policy.wanted);
  put(out, "action", word(said.action.value));
  said.guards.value.each([&](Guard guard) { put(out, "guard", word(guard)); });
  put(out, "settle", std::to_string(said.settle.value.count()));
  put(out, "fix_at", word(said.fix_at.value));
  for (const auto& pattern : policy.exclude) put(out, "exclude", pattern.glob.pattern());
  put(out, "severity", word(said.severity.value));
  put(out, "category", said.category.value);
  put(out, "tell", said.tell.value ? "yes" : "no");
  put(out, "only", word(said.only.value));
  put(out, "strict", said.strict.value ? "yes" : "no");
  for (const auto& rule : policy.rules) {
    put(out, "rule", word(rule.action));
    for (const auto& pattern : rule.match) put(out, "match", pattern.glob.pattern());
    put_wanted(out, rule.wanted);
  }
  for (const auto& allow : policy.allows) put_allow(out, allow);
}

}  // namespace

std::string canonical_text(const std::vector<Policy>& policies) {
  std::vector<const Policy*> by_name;
  by_name.reserve(policies.size());
  for (const auto& policy : policies) by_name.push_back(&policy);
  std::sort(by_name.begin(), by_name.end(),
            [](const Policy* a, const Policy* b) { return a->name() < b->name(); });
  std::string text;
  for (const auto* policy : by_name) put_policy(text, *policy);
  return text;
}

std::string sha256_hex(std::string_view text) {
  sha256_ctx context;
  sha256_init(&context);
  sha256_update(&context, text.size(), reinterpret_cast<const std::uint8_t*>(text.data()));
  std::array<std::uint8_t, SHA256_DIGEST_SIZE> digest{};
  sha256_digest(&context, digest.size(), digest.data());
  std::string hex;
  for (const auto byte : digest) fmt::format_to(std::back_inserter(hex), "{:02x}", byte);
  return hex;
}

}  // namespace guard
