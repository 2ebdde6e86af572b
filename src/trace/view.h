// What the renderers share: choosing a map, and text that is safe to show.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "transept/explanation.h"

namespace transept {

// The view with -1 resolved to the last layer. Error usage if the model has no such layer or head.
[[nodiscard]] ExplanationView resolve(const Explanation& e, ExplanationView view);

// One layer's attention as [positions, keys]: of one head, or the mean over heads.
[[nodiscard]] std::vector<float> select(const Explanation& e,
                                        const std::vector<Explanation::Map>& maps,
                                        const ExplanationView& view);

// Control, bidirectional and malformed characters spelled out, so that no text can steer a
// terminal.
[[nodiscard]] std::string visible(std::string_view text);
// Columns on a terminal: 2 for wide characters, 0 for combining ones (Unicode 15, UAX #11, coarse).
[[nodiscard]] int display_width(std::string_view text);
// Cut to `columns` with an ellipsis, or filled with spaces.
[[nodiscard]] std::string fit(std::string_view text, int columns);

}  // namespace transept
