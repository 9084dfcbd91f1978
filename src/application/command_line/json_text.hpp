#pragma once

#include <string>
#include <string_view>

namespace kronwerk::application {

/// A text as JSON has it, with its quotes.
std::string json_text(std::string_view text);

/// A number as JSON has it: null unless it is finite.
std::string json_number(double value);

}  // namespace kronwerk::application
