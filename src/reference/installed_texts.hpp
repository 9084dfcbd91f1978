#pragma once

#include <string>

namespace CLI {
class App;
}

namespace kronwerk::reference {

/// The table of keys as JSON Schema (draft 7), for editors.
std::string json_schema();

/// A script for bash that completes commands, options, tasks and keys.
std::string bash_completion(const CLI::App& program);

/// The manual page, kronwerk(1), in the language of man.
std::string manual_page(const CLI::App& program);

}  // namespace kronwerk::reference
