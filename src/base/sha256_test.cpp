#include "base/sha256.h"

#include <gtest/gtest.h>

namespace transept {
namespace {

// FIPS 180-4's examples, as NIST publishes them.
TEST(Sha256, EqualsThePublishedValues) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesAreOneText) {
  Sha256 hash;
  hash.add("a");
  hash.add(std::string_view());
  hash.add("bc");
  EXPECT_EQ(hash.hex(), sha256("abc"));
}

TEST(Sha256, AFramedTextHasAnEnd) {
  const auto framed = [](std::string_view first, std::string_view second) {
    Sha256 hash;
    hash.add_framed(first);
    hash.add_framed(second);
    return hash.hex();
  };
  EXPECT_NE(framed("ab", "c"), framed("a", "bc"));
  EXPECT_EQ(framed("ab", "c"), framed("ab", "c"));
}

}  // namespace
}  // namespace transept
