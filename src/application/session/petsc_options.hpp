#pragma once

#include <string>
#include <vector>

namespace kronwerk::application {

/// Splits options as a shell does without quoting: at white space.
std::vector<std::string> split_options(const std::string& text);

/// @throws ConfigurationError for words that follow no option's name
void check_option_words(const std::vector<std::string>& words);

/// A sentence for each of PETSc's options that nothing has asked for so far: not known, or of no
/// use to what the job did. PETSc must be running. Local.
std::vector<std::string> describe_unused_options();

}  // namespace kronwerk::application
