#include "guardd/evidence/evidence.h"

namespace guard {

std::optional<Evidence> evidence_of(const WitnessTag& tag, OwnerIds wanted) {
  if (OwnerIds{Uid{tag.owner}, Gid{tag.group}} != wanted) return std::nullopt;
  switch (tag.kind) {
    case kWitnessBorn:
      return Evidence(Evidence::Kind::kBornHere);
    case kWitnessTaken:
      return Evidence(Evidence::Kind::kWasTheOwners);
    case kWitnessBrought:
      return Evidence(Evidence::Kind::kBroughtByRoot);
    default:
      return std::nullopt;
  }
}

std::optional<Evidence> evidence_told(std::optional<std::uint8_t> kind) {
  if (!kind || *kind > static_cast<std::uint8_t>(Evidence::Kind::kNothingIsRevealed))
    return std::nullopt;
  return Evidence(static_cast<Evidence::Kind>(*kind));
}

}  // namespace guard
