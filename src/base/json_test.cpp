#include "base/json.h"

#include <gtest/gtest.h>

#include <cmath>

namespace transept {
namespace {

TEST(Json, ErrorsNameFileAndPath) {
  const JsonDocument document =
      JsonDocument::parse(R"({"decoder": {"sizes": [1, "two"]}})", "config.json");
  try {
    (void)document.root().at("decoder").at("sizes").elements()[1].as_int();
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::bad_data);
    EXPECT_STREQ(e.what(), "config.json: decoder.sizes[1]: a string, expected an integer");
  }
}

TEST(Json, MissingAndNullTakeTheDefault) {
  const JsonDocument document = JsonDocument::parse(R"({"a": null, "b": 2.5})", "x");
  EXPECT_EQ(document.root().get("a", 7), 7);
  EXPECT_EQ(document.root().get("c", "none"), "none");
  EXPECT_EQ(document.root().get("b", 0.0), 2.5);
  EXPECT_THROW((void)document.root().at("c"), Error);
}

TEST(Json, RefusesWhatIsNotJson) {
  for (const char* text : {"", "{", "[1,]", "{\"a\" 1}", "\"\xff\"", "1 2", "nul"}) {
    EXPECT_THROW((void)JsonDocument::parse(text, "x"), Error) << text;
  }
  EXPECT_THROW((void)JsonDocument::parse(std::string(100000, '['), "x"), Error);
}

TEST(JsonWriter, WritesWhatReadsBackTheSame) {
  JsonWriter w;
  w.begin_object()
      .member("text", "a\"\\\n\x01é")
      .member("n", 0.1)
      .key("list")
      .begin_array()
      .value(1)
      .value(2)
      .end_array();
  w.end_object();
  EXPECT_EQ(w.text(), "{\"text\":\"a\\\"\\\\\\n\\u0001é\",\"n\":0.1,\"list\":[1,2]}");
  const JsonDocument document = JsonDocument::parse(w.text(), "x");
  EXPECT_EQ(document.root().at("text").as_string(), "a\"\\\n\x01é");
}

TEST(JsonWriter, KeepsTheSignOfZero) {
  JsonWriter w;
  w.begin_array().value(-0.0).value(-0.0F).value(0.0).end_array();
  EXPECT_EQ(w.text(), "[-0.0,-0.0,0]");
  const JsonDocument document = JsonDocument::parse(w.text(), "x");
  EXPECT_TRUE(std::signbit(document.root().elements()[0].as_number()));
}

}  // namespace
}  // namespace transept
