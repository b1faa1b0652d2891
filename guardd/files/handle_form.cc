#include "guardd/files/handle_form.h"

#include <limits>

#include "guardd/files/number_at.h"

namespace guard {
namespace {

constexpr std::int32_t kPlainType = 1;
constexpr std::int32_t kXfs64Type = 0x81;

template <typename Number>
void append(std::string& bytes, Number number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

}  // namespace

HandleForm HandleForm::of(const FileId& known, std::uint64_t inode) {
  HandleForm form;
  if (!known.known()) return form;
  form.filesystem_ = known.filesystem();
  form.type_ = known.type();
  const auto handle = known.handle();
  if (form.type_ == kPlainType && handle.size() == 8) {
    if (number_at<std::uint32_t>(handle, 0) == inode) form.form_ = Form::kInode32;
  } else if (form.type_ == kPlainType && handle.size() == 12) {
    if (number_at<std::uint64_t>(handle, 4) == inode) form.form_ = Form::kGenerationFirst;
  } else if (form.type_ == kXfs64Type && handle.size() == 12) {
    if (number_at<std::uint64_t>(handle, 0) == inode) form.form_ = Form::kInode64;
  } else if (known.subvolume()) {
    if (number_at<std::uint64_t>(handle, 0) == inode) form.form_ = Form::kSubvolume;
  }
  return form;
}

FileId HandleForm::make(std::uint64_t inode, std::uint32_t generation) const {
  std::string handle;
  switch (form_) {
    case Form::kUnknown:
      return {};
    case Form::kInode32:
      if (inode > std::numeric_limits<std::uint32_t>::max()) return {};
      append(handle, static_cast<std::uint32_t>(inode));
      append(handle, generation);
      break;
    case Form::kInode64:
      append(handle, inode);
      append(handle, generation);
      break;
    case Form::kGenerationFirst:
      append(handle, generation);
      append(handle, inode);
      break;
    case Form::kSubvolume:
      append(handle, inode);
      append(handle, std::uint64_t{0});
      append(handle, generation);
      break;
  }
  return {filesystem_, type_, handle};
}

std::uint32_t HandleForm::generation_in(const FileId& id) const {
  switch (form_) {
    case Form::kUnknown:
      return 0;
    case Form::kInode32:
      return number_at<std::uint32_t>(id.handle(), sizeof(std::uint32_t));
    case Form::kInode64:
      return number_at<std::uint32_t>(id.handle(), sizeof(std::uint64_t));
    case Form::kGenerationFirst:
      return number_at<std::uint32_t>(id.handle(), 0);
    case Form::kSubvolume:
      return number_at<std::uint32_t>(id.handle(), 2 * sizeof(std::uint64_t));
  }
  return 0;
}

}  // namespace guard
