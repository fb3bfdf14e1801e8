// Style sheets are imported for the bundler, which writes them into one file beside the script.
declare module '*.css';
