// SharedList: a list that is written once and copied often. Copies share its elements.
#pragma once

#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

namespace transept {

template <class T>
class SharedList {
 public:
  SharedList() = default;
  SharedList(std::vector<T> elements)  // NOLINT(google-explicit-constructor): is one
      : elements_(elements.empty() ? nullptr
                                   : std::make_shared<const std::vector<T>>(std::move(elements))) {}
  SharedList(std::initializer_list<T> elements) : SharedList(std::vector<T>(elements)) {}

  [[nodiscard]] const std::vector<T>& get() const {
    static const std::vector<T> kNone;
    return elements_ ? *elements_ : kNone;
  }
  operator const std::vector<T>&() const { return get(); }  // NOLINT(google-explicit-constructor)
  [[nodiscard]] bool empty() const { return elements_ == nullptr; }
  [[nodiscard]] size_t size() const { return get().size(); }
  [[nodiscard]] auto begin() const { return get().begin(); }
  [[nodiscard]] auto end() const { return get().end(); }
  [[nodiscard]] const T& operator[](size_t index) const { return get()[index]; }
  friend bool operator==(const SharedList& a, const SharedList& b) { return a.get() == b.get(); }

 private:
  std::shared_ptr<const std::vector<T>> elements_;  // null: none
};

}  // namespace transept
