#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kronwerk/configuration/job.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::configuration {

/// The first `from` of a text replaced.
inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at == std::string::npos) return text;
  return text.replace(at, from.size(), to);
}

/// What a job is refused with, or "accepted".
inline std::string message(const std::string& text,
                           const std::vector<std::string>& overrides = {}) {
  try {
    parse_job(text, "configs/x.yaml", overrides);
  } catch (const core::ConfigurationError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace kronwerk::configuration
