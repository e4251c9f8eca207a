/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes that a container chose, as text for JSON, the journal and people. */
#pragma once

/*
 * A copy in UTF-8 without control characters: of what is neither, each byte stands as \xNN, and so
 * does a backslash that could be taken for one of these. NULL when memory is out.
 */
char *text_escape(const char *bytes);
