// The spellings of a vocabulary in one block of memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace transept {

class PieceTable {
 public:
  PieceTable() = default;
  explicit PieceTable(std::span<const std::string_view> texts) {
    size_t total = 0;
    for (const std::string_view text : texts) total += text.size();
    text_.reserve(total);
    begin_.clear();
    begin_.reserve(texts.size() + 1);
    for (const std::string_view text : texts) {
      begin_.push_back(text_.size());
      text_ += text;
    }
    begin_.push_back(total);
  }

  [[nodiscard]] int size() const { return static_cast<int>(begin_.size()) - 1; }
  // Empty outside the table.
  [[nodiscard]] std::string_view operator[](int32_t id) const {
    if (id < 0 || id >= size()) return {};
    const auto i = static_cast<size_t>(id);
    return std::string_view(text_).substr(begin_[i], begin_[i + 1] - begin_[i]);
  }

 private:
  std::string text_;
  std::vector<size_t> begin_{0};  // by id, and the end
};

}  // namespace transept
