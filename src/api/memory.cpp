#include "api/implementation.h"
#include "base/error.h"
#include "io/memory_file.h"

namespace transept::api {
namespace {

const transept::Memory& full(const Memory& memory) {
  check(!memory.empty(), ErrorCode::usage, "this memory is empty: nothing was encoded into it");
  return memory.implementation()->memory;
}

}  // namespace

int Memory::rows() const {
  return empty() ? 0 : full(*this).rows();
}

int Memory::width() const {
  return empty() ? 0 : full(*this).width();
}

std::span<const float> Memory::hidden() const {
  if (empty()) return {};
  const ConstTensor hidden = full(*this).hidden();
  return {hidden.data, hidden.size()};
}

std::span<const Token> Memory::ids() const {
  return empty() ? std::span<const Token>() : full(*this).ids();
}

std::string Memory::fingerprint() const {
  return full(*this).fingerprint();
}

std::size_t Memory::bytes() const {
  return empty() ? 0 : full(*this).bytes();
}

Memory Memory::slice(int begin, int end) const {
  return outer(transept::slice(full(*this), begin, end), {}, implementation_->loaded);
}

void Memory::save(const std::filesystem::path& path) const {
  save_memory(path, full(*this), implementation_->text_hash);
}

Memory concat(std::span<const Memory> parts) {
  std::vector<transept::Memory> inner_parts;
  bool loaded = true;
  for (const Memory& part : parts) {
    inner_parts.push_back(full(part));
    loaded = loaded && part.implementation()->loaded;
  }
  return outer(transept::concat(inner_parts), {}, loaded);
}

}  // namespace transept::api
