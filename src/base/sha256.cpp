#include "base/sha256.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <cstdint>

#include "base/error.h"

namespace transept {

struct Sha256::State {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                  &EVP_MD_CTX_free};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  check(state_->context && EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) == 1,
        ErrorCode::internal, "SHA-256 is not to be had from OpenSSL");
}
Sha256::~Sha256() = default;

void Sha256::add(const void* data, size_t size_bytes) {
  check(EVP_DigestUpdate(state_->context.get(), data, size_bytes) == 1, ErrorCode::internal,
        "SHA-256 failed");
}

void Sha256::add_framed(std::string_view text) {
  const std::uint64_t size = text.size();
  add(&size, sizeof size);
  add(text);
}

std::string Sha256::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  check(EVP_DigestFinal_ex(state_->context.get(), digest.data(), &size) == 1, ErrorCode::internal,
        "SHA-256 failed");
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

std::string sha256(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes);
  return hash.hex();
}

}  // namespace transept
