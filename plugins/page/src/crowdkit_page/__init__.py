"""Count photos in the browser, correct the dots, and train on the corrections.

`crowdkit_page.serving.serve` starts the page, as `crowdkit page` does.
"""
